#include "mpi/collectives.hpp"

namespace plexus {

std::int64_t sum(DistributedContext& ctx, std::int64_t value) {
  ctx.sum({&value, 1});
  return value;
}

void broadcast_bytes(DistributedContext& ctx, std::vector<std::byte>& bytes, int root) {
  std::uint64_t count = bytes.size();
  ctx.broadcast(std::as_writable_bytes(std::span(&count, 1)), root);
  bytes.resize(count);
  ctx.broadcast(bytes, root);
}

}  // namespace plexus
