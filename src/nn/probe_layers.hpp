#pragma once

#include "src/nn/sparse_layer.hpp"
#include "src/sparse/slabs.hpp"

namespace plexus {

// What is run to find out how fast this machine is. The values mean nothing, but none slows arithmetic down.

/// A layer of random connections with one value of optimizer state a connection.
[[nodiscard]] SparseLayer probe_layer(Index rows, Index cols, double density);

/// Slabs whose values are all 1.
[[nodiscard]] Slabs slabs_of_ones(Index lines, Index neurons, Index lines_per_slab = slab_lines);

}  // namespace plexus
