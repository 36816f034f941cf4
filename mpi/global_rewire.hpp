#pragma once

#include <span>

#include "mpi/distributed_context.hpp"
#include "src/nn/network.hpp"
#include "src/prune/neuron_pruner.hpp"
#include "src/rewire/evolve.hpp"

namespace plexus {

/// Collective. Compares the fingerprint of every layer on all ranks: 8 bytes a layer.
/// @throws RanksFailed naming the first layer that differs and the ranks that differ from the majority
void check_replicas(DistributedContext& ctx, Network& network);

/// Collective. The edits of all layers. Each rank makes those of its share of the layers, which are a pure
/// function of the state all ranks hold, and the edit lists are gathered: the only time that indices travel.
[[nodiscard]] EditList agree_on_edits(DistributedContext& ctx, std::span<const LayerView> layers,
                                      const RemovedNeurons& removed, const Evolution& evolution);

}  // namespace plexus
