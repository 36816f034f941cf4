#pragma once

#include <vector>

#include "src/support/layer_parts.hpp"
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

/// The numbers of such a sample that belong to one of several parts, where part 0 has the first numbers, part
/// 1 the next: counted from the first one of the part. Together they are the sample that one part alone
/// takes. Time and messages of a part O(count / parts + its numbers). Collective.
/// @param own_size  how many numbers this part has, of which all parts together have the `size`
[[nodiscard]] std::vector<Offset> keyed_sample(const RandomStream& stream, LayerParts& parts, Offset own_size,
                                               Offset count);

}  // namespace plexus
