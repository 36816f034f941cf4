#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "mpi/distributed_context.hpp"
#include "src/nn/network.hpp"
#include "src/prune/neuron_pruner.hpp"
#include "src/rewire/evolve.hpp"

namespace plexus {

/// Collective. Compares the fingerprint of every layer on all ranks: 8 bytes a layer.
/// @throws RanksFailed naming the first layer that differs and the ranks that differ from the majority
void check_replicas(DistributedContext& ctx, Network& network);

/// Collective over `ctx`, the ranks that hold the same, and over `parts`. The edits of some layers, one after
/// the other, or of their slices that the ranks of `ctx` hold. Each rank of `ctx` makes those of its share of
/// the layers, which are a pure function of what all hold, together with the other parts of its copy of the
/// network; then it sends them to the others of `ctx`: the only time that indices travel.
/// @param first  number of the first of `layers` in the network
/// @param parts  hold one copy of the network between them. Those of a copy have the same rank in their
/// `ctx`.
[[nodiscard]] EditList agree_on_edits(DistributedContext& ctx, std::size_t first,
                                      std::span<const LayerView> layers, const RemovedNeurons& removed,
                                      const Evolution& evolution, LayerParts& parts = one_part());

/// Layers [begin, end).
struct LayerRange {
  std::size_t begin;
  std::size_t end;
};

/// Layers to be edited together, so that ranks share them out: as many as have at most `most` connections
/// between them, or a single larger one. Covers all layers in order.
/// @param connections  of each layer
[[nodiscard]] std::vector<LayerRange> edited_together(std::span<const Offset> connections, Offset most);

}  // namespace plexus
