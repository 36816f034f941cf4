#pragma once

#include <vector>

#include "src/state/model_snapshot.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Rows [begin, end) of a sparse layer; columns and col_ids stay those of the whole layer.
[[nodiscard]] LayerSnapshot slice_of(const LayerSnapshot& layer, Index begin, Index end);

/// The layer that `slices`, one after the other, are of.
[[nodiscard]] LayerSnapshot joined(std::vector<LayerSnapshot> slices);

}  // namespace plexus
