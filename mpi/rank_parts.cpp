#include "mpi/rank_parts.hpp"

#include "mpi/collectives.hpp"

namespace plexus {

namespace {

template <class T>
std::int64_t bytes_to_others(const std::vector<std::vector<T>>& messages, int own) {
  std::size_t bytes = 0;
  for (std::size_t p = 0; p < messages.size(); ++p) {
    if (p != static_cast<std::size_t>(own)) bytes += messages[p].size() * sizeof(T);
  }
  return static_cast<std::int64_t>(bytes);
}

}  // namespace

void RankParts::sum(std::span<std::int64_t> values) {
  if (ctx_.size() == 1) return;
  bytes_sent_ += static_cast<std::int64_t>(values.size_bytes());
  ctx_.sum(values);
}

void RankParts::maximum(std::span<std::int64_t> values) {
  if (ctx_.size() == 1) return;
  bytes_sent_ += static_cast<std::int64_t>(values.size_bytes());
  ctx_.maximum(values);
}

std::vector<std::vector<Offset>> RankParts::exchange(std::vector<std::vector<Offset>> to_parts) {
  if (ctx_.size() == 1) return to_parts;
  bytes_sent_ += bytes_to_others(to_parts, own());
  return exchange_numbers(ctx_, to_parts);
}

std::vector<std::vector<std::byte>> RankParts::exchange_bytes(std::vector<std::vector<std::byte>> messages) {
  bytes_sent_ += bytes_to_others(messages, own());
  return exchange_numbers(ctx_, messages);
}

std::unique_ptr<PeerMessages> RankParts::messages() { return ctx_.peer_messages(); }

}  // namespace plexus
