#pragma once

#include <vector>

#include "mpi/distributed_context.hpp"
#include "src/nn/network.hpp"
#include "src/parts/parts.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

/// Work of the part that has most, by the mean, from which on neurons move to other parts.
inline constexpr double most_imbalance = 1.1;

/// Collective over the parts of `network`. Where to cut each level so that all parts have as much work with
/// its neurons: contiguous cuts by prefix sums.
[[nodiscard]] LevelCuts balanced_level_cuts(Parts& parts, Network& network);

/// Collective over the parts of `network`, which are the ranks of `group`. Neurons move, with their
/// connections and all their state, to the parts that own them by `cuts`.
void migrate(DistributedContext& group, Network& network, const LevelCuts& cuts);

}  // namespace plexus
