#pragma once

#include <cstdint>
#include <vector>

#include "src/support/aligned.hpp"

namespace plexus::bench {

/// One cache line.
struct alignas(64) Line {
  std::uint64_t words[8];
};

/// Memory that one thread reads.
using Lines = std::vector<Line, CacheAlignedAllocator<Line>>;

/// Independent. Loads all of `lines` into registers, in order.
void read_in_order(const Lines& lines);

/// Independent. Reads random ones of `lines`, of which there are a power of two: numbers [first, last) of an
/// endless sequence. @return their sum, lest the reads be left out.
[[nodiscard]] std::uint64_t read_at_random(const Lines& lines, std::uint64_t first, std::uint64_t last);

}  // namespace plexus::bench
