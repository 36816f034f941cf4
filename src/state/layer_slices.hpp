#pragma once

#include <vector>

#include "src/state/model_snapshot.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Rows [begin, end) of a layer; columns and col_ids stay those of the whole layer. Slices are sparse: those
/// of a dense layer have all cells as connections.
[[nodiscard]] LayerSnapshot slice_of(const LayerSnapshot& layer, Index begin, Index end);

/// The layer that `slices`, one after the other, are of.
/// @param kind  of the layer
[[nodiscard]] LayerSnapshot joined(std::vector<LayerSnapshot> slices, LayerKind kind);

}  // namespace plexus
