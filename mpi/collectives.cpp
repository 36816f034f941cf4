#include "mpi/collectives.hpp"

namespace plexus {

void sum(DistributedContext& ctx, std::span<std::int64_t> values) { ctx.start_sum(values)->wait(); }

std::int64_t sum(DistributedContext& ctx, std::int64_t value) {
  sum(ctx, std::span(&value, 1));
  return value;
}

void broadcast_bytes(DistributedContext& ctx, std::vector<std::byte>& bytes, int root) {
  std::uint64_t count = bytes.size();
  ctx.broadcast(std::as_writable_bytes(std::span(&count, 1)), root);
  bytes.resize(count);
  ctx.broadcast(bytes, root);
}

}  // namespace plexus
