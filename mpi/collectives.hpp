#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "mpi/distributed_context.hpp"
#include "mpi/message.hpp"
#include "src/support/error.hpp"

namespace plexus {

/// Collective. @return the sum over the ranks.
[[nodiscard]] std::int64_t sum(DistributedContext& ctx, std::int64_t value);

/// Collective. @return the value of every rank, in rank order. `T` is any type Boost.Serialization can store.
template <class T>
[[nodiscard]] std::vector<T> gather_all(DistributedContext& ctx, const T& value) {
  std::vector<T> values;
  values.reserve(static_cast<std::size_t>(ctx.size()));
  for (const auto& bytes : ctx.allgather(to_bytes(value))) values.push_back(from_bytes<T>(bytes));
  return values;
}

/// Collective. @return the largest of the values of all ranks.
template <class T>
[[nodiscard]] T largest(DistributedContext& ctx, const T& value) {
  return std::ranges::max(gather_all(ctx, value));
}

/// Collective. @return the smallest of the values of all ranks.
template <class T>
[[nodiscard]] T smallest(DistributedContext& ctx, const T& value) {
  return std::ranges::min(gather_all(ctx, value));
}

/// Collective. `outgoing[r]` goes to rank r. @return in place r what came from rank r
template <class T>
[[nodiscard]] std::vector<std::vector<T>> exchange_numbers(DistributedContext& ctx,
                                                           const std::vector<std::vector<T>>& outgoing) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<std::span<const std::byte>> bytes_out;
  bytes_out.reserve(outgoing.size());
  for (const auto& numbers : outgoing) bytes_out.push_back(std::as_bytes(std::span(numbers)));
  std::vector<std::vector<T>> incoming(static_cast<std::size_t>(ctx.size()));
  ctx.exchange(bytes_out, [&](int rank, std::size_t bytes) {
    ensure(bytes % sizeof(T) == 0, "{} bytes from rank {} are no numbers of {} bytes each", bytes, rank,
           sizeof(T));
    auto& numbers = incoming[static_cast<std::size_t>(rank)];
    numbers.resize(bytes / sizeof(T));
    return std::as_writable_bytes(std::span(numbers));
  });
  return incoming;
}

/// Collective. Sends the bytes of `root`, however many, to all ranks; what others held is replaced.
void broadcast_bytes(DistributedContext& ctx, std::vector<std::byte>& bytes, int root);

/// Collective. Gives every rank the message of `root`. `T` is any type Boost.Serialization can store.
template <class T>
void broadcast_message(DistributedContext& ctx, T& message, int root) {
  std::vector<std::byte> bytes;
  if (ctx.rank() == root) bytes = to_bytes(message);
  broadcast_bytes(ctx, bytes, root);
  if (ctx.rank() != root) message = from_bytes<T>(bytes);
}

}  // namespace plexus
