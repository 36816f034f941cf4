#pragma once

#include <vector>

#include "src/support/random_stream.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// `count` distinct numbers below `size`, ascending; every such set is as likely as any other. A pure
/// function of its arguments: the same on every rank and for any number of threads. Time O(count), in
/// parallel; more than half of the numbers take O(size). Independent.
///
/// Numbers are drawn a few too many, sorted, and rid of those that came twice; of the others a sample is
/// discarded.
/// @throws Fault unless 0 <= count <= size <= 2^62
[[nodiscard]] std::vector<Offset> keyed_sample(const RandomStream& stream, Offset size, Offset count);

}  // namespace plexus
