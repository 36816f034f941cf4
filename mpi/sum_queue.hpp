#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace plexus {

/// Sums over ranks that run in the background, step after step: first in, first out, in memory that is made
/// once. All ranks make the same sums of the same lengths in the same order, and wait for each before they
/// pop it. Integers wrap around, so their sums do not depend on the order of the ranks; floats are added in
/// an order that depends on the number of ranks, and is the same for all of them.
/// @tparam T  std::int64_t or float
template <class T>
class SumQueue {
 public:
  virtual ~SumQueue() = default;
  SumQueue() = default;
  SumQueue(const SumQueue&) = delete;
  SumQueue& operator=(const SumQueue&) = delete;

  /// Independent. False if sums must be popped before one of `count` values finds room; an empty queue has
  /// room for any. The same on all ranks that are at the same place.
  [[nodiscard]] virtual bool has_room(std::size_t count) const = 0;
  /// Collective. Where this rank puts its terms of the next sum; wants room. Waits until the others have read
  /// what was there before.
  [[nodiscard]] virtual std::span<T> next(std::size_t count) = 0;
  /// Collective. The terms are there.
  virtual void start() = 0;
  /// Independent. Lets sums make progress; without it some of the work is left to `wait`.
  virtual void poll() = 0;
  /// Collective. Returns when the oldest sum is complete.
  virtual void wait() = 0;
  /// Independent, and safe on any thread after `wait`: values [first, first + count) of the oldest sum.
  /// @param scratch  room for `count` values, which may be what is returned
  [[nodiscard]] virtual const T* values(std::size_t first, std::size_t count, T* scratch) const = 0;
  /// Collective. Forgets the oldest sum, whose values must not be read any more.
  virtual void pop() = 0;
};

}  // namespace plexus
