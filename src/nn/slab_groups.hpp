#pragma once

#include "src/sparse/slabs.hpp"

namespace plexus {

/// Into how many groups of equally many threads a pass through `slabs` of `read`, the activations of a
/// forward pass or the deltas of a backward pass, divides `threads`. Each group takes neighbouring slabs of
/// its own, and its threads share the neurons. What a thread reads is then what its group made in the layer
/// before, or behind: fewer cache lines travel between cores. One group where slabs do not stay in a core's
/// cache anyway, or where they cannot be divided evenly.
[[nodiscard]] int slab_groups(const Slabs& read, SlabRange slabs, int threads);

/// The slabs of a group.
[[nodiscard]] SlabRange slabs_of_group(SlabRange slabs, int group, int groups);

}  // namespace plexus
