#pragma once

#include <cstdint>

#ifndef PLEXUS_REAL
#define PLEXUS_REAL float
#endif

namespace plexus {

/// Type of weights, activations and gradients. `float` in every program; the gradient tests build the same
/// sources once more with `double`.
using Real = PLEXUS_REAL;

/// Number of a neuron inside one layer, counted over the neurons that are alive.
using Index = std::int32_t;

/// Position in, or number of, stored connections and samples.
using Offset = std::int64_t;

/// Number that a neuron got when the network was created; pruning other neurons never changes it.
using NeuronId = std::int64_t;

}  // namespace plexus
