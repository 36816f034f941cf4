#pragma once

#include <vector>

#include "src/rewire/kept_connections.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The cells of ascending numbers, which count the empty cells of `kept` row by row from 0; the values are 0.
/// Time O(numbers + connections of the rows that they are in), in parallel.
/// @param columns  kept.columns()
[[nodiscard]] std::vector<GrownConnection> empty_cells(const KeptConnections& kept,
                                                       const Scratch<Index>& columns,
                                                       const std::vector<Offset>& numbers);

}  // namespace plexus
