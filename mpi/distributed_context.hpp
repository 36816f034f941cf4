#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mpi/sum_queue.hpp"

namespace plexus {

/// The ranks that train together. All communication of plexus goes through this class; typed wrappers and
/// domain verbs are free functions on top (`collectives.hpp`). Collective calls must come in the same order
/// on all ranks, and from the thread that made the context. Any number of elements is allowed per call, none
/// included. Transport errors end the job (`Fault`).
class DistributedContext {
 public:
  virtual ~DistributedContext() = default;

  /// Independent.
  [[nodiscard]] virtual int rank() const = 0;
  /// Independent.
  [[nodiscard]] virtual int size() const = 0;

  /// Collective.
  virtual void barrier() = 0;
  /// Collective. Every rank passes a buffer of the same size; the root's bytes end up in all of them.
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  /// Collective. Sizes may differ. @return the bytes of every rank, in rank order.
  [[nodiscard]] virtual std::vector<std::vector<std::byte>> allgather(std::span<const std::byte> bytes) = 0;
  /// Collective. Replaces each value by its sum over the ranks; integers wrap around.
  virtual void sum(std::span<std::int64_t> values) = 0;
  /// Collective, also where it is destroyed. Sums that run in the background.
  /// @param capacity  bytes of memory for the sums under way; more is taken only for one sum that is larger
  [[nodiscard]] virtual std::unique_ptr<SumQueue<std::int64_t>> integer_sums(std::size_t capacity) = 0;
  [[nodiscard]] virtual std::unique_ptr<SumQueue<float>> float_sums(std::size_t capacity) = 0;

  /// Independent. Ends all ranks at once with this exit code.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

}  // namespace plexus
