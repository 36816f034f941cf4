#pragma once

#include "src/sparse/topology.hpp"
#include "src/support/random_stream.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Density that SET gives a layer: min(1, epsilon (inputs + outputs) / (inputs outputs)), hence about
/// epsilon (inputs + outputs) connections. Source: Mocanu et al. 2018, arXiv:1707.04780, equation 3.
[[nodiscard]] double erdos_renyi_density(double epsilon, Offset inputs, Offset outputs);

/// The epsilon at which a layer is full. Any greater one asks for more cells than exist, and is capped to it.
[[nodiscard]] double full_epsilon(Offset inputs, Offset outputs);

/// Random pattern in which each cell is connected with probability `density`, independently of all others.
/// The row number is part of the key: a row comes out the same whoever makes it, with or without the others.
/// Time O(connections + rows), in parallel; never O(rows * cols) below density 1. Independent.
///
/// @param density  [0, 1], met to the last digits of a double.
/// @param stream   with Purpose::topology; gaps 2i and 2i + 1 of row r come from pair(r, i).
/// Source: geometric gaps between the connections of a row, Batagelj, Brandes 2005, Phys. Rev. E 71, 036113.
[[nodiscard]] Topology erdos_renyi(Index rows, Index cols, double density, const RandomStream& stream);

/// The same for the rows from `first_row` on alone, which are numbered from 0 in the result.
[[nodiscard]] Topology erdos_renyi_slice(Index first_row, Index rows, Index cols, double density,
                                         const RandomStream& stream);

}  // namespace plexus
