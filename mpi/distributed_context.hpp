#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace plexus {

/// A sum over ranks that is under way. Several may be under way at once, and they may be completed in any
/// order. Destroying an unfinished one waits for it: the transport still writes to its buffer.
class PendingSum {
 public:
  virtual ~PendingSum() = default;
  /// Lets the transport work; without such calls nothing moves until `wait`. Independent.
  /// @return true once the sum is complete, and ever after.
  virtual bool test() = 0;
  /// Returns when the buffer holds the sum; at once if it already does.
  virtual void wait() = 0;
};

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
  /// Collective. Starts an in-place sum of as many `values` on every rank. Until it is complete the buffer
  /// must stay alive and untouched, and its contents mean nothing. Integers wrap around, so the result does
  /// not depend on the order of the ranks.
  [[nodiscard]] virtual std::unique_ptr<PendingSum> start_sum(std::span<std::int64_t> values) = 0;
  /// Collective. As above; the order of summation, hence the last bits, may vary with the number of ranks.
  [[nodiscard]] virtual std::unique_ptr<PendingSum> start_sum(std::span<float> values) = 0;

  /// Independent. Ends all ranks at once with this exit code.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

}  // namespace plexus
