#include "mpi/shared_sums.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "mpi/watchdog.hpp"
#include "src/support/add_values.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

using Counter = std::atomic<std::uint64_t>;
static_assert(Counter::is_always_lock_free);

constexpr std::size_t cache_line = BlockRing::cache_line;

/// Adds `count` terms of two ranks. Asks for later ones early: they lie in the cache of another core, and
/// prefetchers do not reach far enough ahead for that.
template <class T>
void add(const T* a, const T* b, std::size_t count, T* out) {
  constexpr std::size_t line = cache_line / sizeof(T);
  constexpr std::size_t step = 8 * line;
  constexpr std::size_t ahead = 4 * step;
  for (std::size_t i = 0; i < count; i += step) {
    for (std::size_t later = i + ahead; later < i + ahead + step; later += line) {
      __builtin_prefetch(a + later);
      __builtin_prefetch(b + later);
    }
    add_values(a + i, b + i, static_cast<Offset>(std::min(step, count - i)), out + i);
  }
}

}  // namespace

/// What a rank tells the others, at the beginning of its region; its terms follow. Only the rank itself
/// writes to it.
template <class T>
struct SharedSums<T>::Board {
  alignas(cache_line) Counter started;  ///< sums whose terms are there
  alignas(cache_line) Counter added;    ///< sums whose slice of this rank is added, where there are slices
  alignas(cache_line) Counter popped;   ///< sums that this rank has read
  alignas(cache_line) std::array<std::uint64_t, BlockRing::most_blocks> counts;  ///< values of the last sums
  std::array<std::uint64_t, BlockRing::most_blocks>
      places;  ///< where the terms of the last sums begin, in bytes
};

template <class T>
SharedSums<T>::SharedSums(int rank, int size, std::size_t capacity, std::unique_ptr<SharedRegions> regions,
                          MakeRegions make_regions, Idle idle)
    : rank_(rank),
      size_(size),
      regions_(std::move(regions)),
      make_regions_(std::move(make_regions)),
      idle_(std::move(idle)),
      ring_(capacity) {}

template <class T>
std::size_t SharedSums<T>::region_bytes(std::size_t capacity) {
  return sizeof(Board) + BlockRing(capacity).capacity();
}

template <class T>
typename SharedSums<T>::Board& SharedSums<T>::board(int rank) const {
  return *reinterpret_cast<Board*>(regions_->of_rank(rank));
}

template <class T>
T* SharedSums<T>::terms(int rank, std::uint64_t number) const {
  const std::size_t place = board(rank).places[number % BlockRing::most_blocks];
  return reinterpret_cast<T*>(regions_->of_rank(rank) + sizeof(Board) + place);
}

template <class T>
std::size_t SharedSums<T>::count_of(std::uint64_t number, int rank) const {
  return board(rank).counts[number % BlockRing::most_blocks];
}

/// Slices begin at cache lines.
template <class T>
std::size_t SharedSums<T>::slice_begin(std::uint64_t number, int rank) const {
  constexpr std::size_t line = cache_line / sizeof(T);
  const std::size_t count = count_of(number, rank_);
  const auto lines = static_cast<Offset>((count + line - 1) / line);
  return std::min(count, static_cast<std::size_t>(part_begin(lines, rank, size_)) * line);
}

template <class T>
template <class Ready>
void SharedSums<T>::wait_until(Ready&& ready) const {
  if (ready()) return;
  const activity::Collective waiting("sum", static_cast<std::int64_t>(ring_.oldest()));
  for (int polls = 0; !ready(); ++polls) {
    const bool hopeless = idle_(polls);
    ensure(!hopeless || ready(), "a rank has left without a sum that rank {} waits for", rank_);
  }
}

template <class T>
bool SharedSums<T>::has_room(std::size_t count) const {
  return ring_.empty() || ring_.has_room(count * sizeof(T));
}

template <class T>
std::span<T> SharedSums<T>::next(std::size_t count) {
  const std::size_t bytes = count * sizeof(T);
  if (bytes > ring_.capacity()) {
    ensure(ring_.empty(), "no room for a sum of {} values", count);
    regions_ = nullptr;
    regions_ = make_regions_(region_bytes(bytes));
    ring_ = BlockRing(bytes);
    added_ = 0;
  }
  const std::uint64_t first = ring_.first_beside(bytes);
  wait_until([&] {
    for (int rank = 0; rank < size_; ++rank) {
      if (board(rank).popped.load(std::memory_order_acquire) < first) return false;
    }
    return true;
  });
  const std::uint64_t number = ring_.next();
  ring_.push(bytes);
  board(rank_).counts[number % BlockRing::most_blocks] = count;
  board(rank_).places[number % BlockRing::most_blocks] = ring_.place(number);
  return {terms(rank_, number), count};
}

template <class T>
void SharedSums<T>::start() {
  board(rank_).started.store(ring_.next(), std::memory_order_release);
}

template <class T>
void SharedSums<T>::poll() {
  if (in_slices()) add_slices();
}

template <class T>
void SharedSums<T>::add_terms(std::uint64_t number, std::size_t first, std::size_t count, T* out) const {
  // A block is added up before the next one, so that it stays in the first cache; `out` may be this rank's
  // own terms.
  constexpr std::size_t block = 1024;
  std::array<T, block> sum;
  for (std::size_t done = 0; done < count; done += block) {
    const std::size_t size = std::min(block, count - done);
    const std::size_t begin = first + done;
    add(terms(0, number) + begin, terms(1, number) + begin, size, sum.data());
    for (int rank = 2; rank < size_; ++rank) add(sum.data(), terms(rank, number) + begin, size, sum.data());
    std::copy_n(sum.data(), size, out + done);
  }
}

template <class T>
void SharedSums<T>::add_slices() {
  while (added_ < ring_.next()) {
    for (int rank = 0; rank < size_; ++rank) {
      if (board(rank).started.load(std::memory_order_acquire) <= added_) return;
    }
    const std::size_t begin = slice_begin(added_, rank_);
    add_terms(added_, begin, slice_begin(added_, rank_ + 1) - begin, terms(rank_, added_) + begin);
    ++added_;
    board(rank_).added.store(added_, std::memory_order_release);
  }
}

template <class T>
void SharedSums<T>::wait() {
  const std::uint64_t number = ring_.oldest();
  wait_until([&] {
    if (in_slices()) add_slices();
    for (int rank = 0; rank < size_; ++rank) {
      const Counter& done = in_slices() ? board(rank).added : board(rank).started;
      if (done.load(std::memory_order_acquire) <= number) return false;
    }
    return true;
  });
  for (int rank = 0; rank < size_; ++rank) {
    const std::size_t own = count_of(number, rank_);
    const std::size_t other = count_of(number, rank);
    ensure(own == other, "sum no. {} has {} values on rank {} but {} on rank {}", number, other, rank, own,
           rank_);
  }
}

template <class T>
const T* SharedSums<T>::values(std::size_t first, std::size_t count, T* scratch) const {
  const std::uint64_t number = ring_.oldest();
  if (size_ == 1) return terms(0, number) + first;
  if (!in_slices()) {
    add(terms(0, number) + first, terms(1, number) + first, count, scratch);
    return scratch;
  }
  for (int rank = 0; rank < size_; ++rank) {
    const std::size_t begin = std::max(first, slice_begin(number, rank));
    const std::size_t end = std::min(first + count, slice_begin(number, rank + 1));
    if (begin == first && end == first + count) return terms(rank, number) + first;
    if (begin < end) std::copy_n(terms(rank, number) + begin, end - begin, scratch + (begin - first));
  }
  return scratch;
}

template <class T>
void SharedSums<T>::pop() {
  ring_.pop();
  board(rank_).popped.store(ring_.oldest(), std::memory_order_release);
}

template class SharedSums<std::int64_t>;
template class SharedSums<float>;

}  // namespace plexus
