#pragma once

#include <span>

#include "src/rewire/layer_edit.hpp"
#include "src/rewire/layer_view.hpp"
#include "src/sparse/topology.hpp"
#include "src/state/run_sink.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The pattern of `layer`, which must be sparse, in stable ids: as large as when the network was created, the
/// rows and columns of pruned neurons empty. Keeps the generation. Time O(connections + original rows).
[[nodiscard]] Topology in_stable_ids(const LayerView& layer);

/// The first entry of a layer's history: its pattern, and no edits.
[[nodiscard]] LayerHistory first_history_of(const LayerView& layer);

/// What `edit` did to a layer, in stable ids.
/// @param row_ids_before  ids of the rows before the edit.
/// @param after           the layer after the edit; its values do not matter.
/// @param with_base       whether to keep the whole pattern too. A dense layer has none: its entry tells the
/// pruned
///                        neurons and the number of cells, with pattern_hash 0.
[[nodiscard]] LayerHistory history_of(std::span<const NeuronId> row_ids_before, LayerEdit edit,
                                      const LayerView& after, bool with_base);

}  // namespace plexus
