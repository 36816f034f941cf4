#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "mpi/distributed_context.hpp"
#include "mpi/grid.hpp"
#include "src/config/experiment_config.hpp"
#include "src/nn/network.hpp"
#include "src/state/model_snapshot.hpp"
#include "src/state/snapshot_head.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// A checkpoint that each rank reads what it holds of, layer by layer. The functions are independent.
struct SliceSource {
  SnapshotHead head;
  std::function<LayerSnapshot(std::size_t layer, Index begin, Index end)> read_rows;  ///< for parts
  std::function<LayerSnapshot(std::size_t layer)> read_layer;                         ///< for whole networks
};

/// Collective. This rank's network, or its part of one, as training begins: from `source` if there is one,
/// else from `resume`, of which it takes the layers, else new. Never holds two copies of more than a layer.
/// @param resume  the same on all ranks
/// @throws RanksFailed if the checkpoint cannot be read or is damaged
[[nodiscard]] Network starting_network(DistributedContext& ctx, const ExperimentConfig& config, Grid& grid,
                                       std::optional<ModelSnapshot>& resume, const SliceSource* source);

}  // namespace plexus
