#pragma once

#include "src/sparse/slabs.hpp"

namespace plexus {

/// Into how many groups of equally many threads a forward pass through `slabs` of `x` divides `threads`. Each
/// group takes neighbouring slabs of its own, and its threads share the rows. What a thread reads of a layer
/// is then what its group made of the layer before: fewer cache lines travel between cores. One group where
/// slabs do not stay in a core's cache anyway, or where they cannot be divided evenly.
[[nodiscard]] int slab_groups(const Slabs& x, SlabRange slabs, int threads);

/// The slabs of a group.
[[nodiscard]] SlabRange slabs_of_group(SlabRange slabs, int group, int groups);

}  // namespace plexus
