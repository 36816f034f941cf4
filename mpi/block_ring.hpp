#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "src/support/error.hpp"

namespace plexus {

/// Places for blocks of bytes in a ring of memory; blocks come and go first in, first out. Blocks are
/// numbered from 0 in the order in which they come. A block is in one piece and begins at a cache line. An
/// empty ring is filled from its beginning again, as that is what the caches hold.
class BlockRing {
 public:
  static constexpr std::uint64_t most_blocks = 256;
  static constexpr std::size_t cache_line = 64;

  /// @param least  bytes that the ring shall have; `capacity` is the next multiple of a cache line
  explicit BlockRing(std::size_t least) : capacity_((least + cache_line - 1) / cache_line * cache_line) {}

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool empty() const { return oldest_ == next_; }
  /// Number of the block that has been here longest.
  [[nodiscard]] std::uint64_t oldest() const { return oldest_; }
  /// Number of the block that comes next.
  [[nodiscard]] std::uint64_t next() const { return next_; }
  /// Where block `number`, which is here or came last, begins.
  [[nodiscard]] std::size_t place(std::uint64_t number) const { return begin_of(number) % capacity_; }

  /// Before a block of `bytes` comes, all blocks before this number have to be gone.
  [[nodiscard]] std::uint64_t first_beside(std::size_t bytes) const {
    const std::uint64_t end = begin_of_next(bytes) + bytes;
    std::uint64_t first = next_;
    while (first > 0 && next_ - first + 1 < most_blocks && begin_of(first - 1) + capacity_ >= end) --first;
    return first;
  }

  /// Whether a block of `bytes` finds room now.
  [[nodiscard]] bool has_room(std::size_t bytes) const {
    return bytes <= capacity_ && first_beside(bytes) <= oldest_;
  }

  void push(std::size_t bytes) {
    ensure(has_room(bytes), "no room for {} bytes beside {} blocks", bytes, next_ - oldest_);
    const std::uint64_t begin = begin_of_next(bytes);
    begins_[next_ % most_blocks] = begin;
    end_ = begin + (bytes + cache_line - 1) / cache_line * cache_line;
    ++next_;
  }

  void pop() {
    ensure(!empty(), "no block to take");
    ++oldest_;
  }

 private:
  // Blocks begin and end in a line without end; the ring is that line modulo its capacity.
  [[nodiscard]] std::uint64_t begin_of(std::uint64_t number) const { return begins_[number % most_blocks]; }
  [[nodiscard]] std::uint64_t begin_of_next(std::size_t bytes) const {
    const std::uint64_t used = end_ % capacity_;
    const bool fits = used + bytes <= capacity_ && !empty();
    return fits || used == 0 ? end_ : end_ + (capacity_ - used);
  }

  std::size_t capacity_;
  std::array<std::uint64_t, most_blocks> begins_{};
  std::uint64_t end_ = 0;
  std::uint64_t oldest_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace plexus
