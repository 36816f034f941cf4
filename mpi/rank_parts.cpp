#include "mpi/rank_parts.hpp"

#include "mpi/collectives.hpp"

namespace plexus {

void RankParts::sum(std::span<std::int64_t> values) {
  if (ctx_.size() > 1) ctx_.sum(values);
}

void RankParts::maximum(std::span<std::int64_t> values) {
  if (ctx_.size() > 1) ctx_.maximum(values);
}

std::vector<std::vector<Offset>> RankParts::exchange(std::vector<std::vector<Offset>> to_parts) {
  if (ctx_.size() == 1) return to_parts;
  return exchange_numbers(ctx_, to_parts);
}

}  // namespace plexus
