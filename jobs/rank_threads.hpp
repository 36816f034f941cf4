#pragma once

#include "mpi/distributed_context.hpp"
#include "src/config/experiment_config.hpp"

namespace plexus {

/// Collective. Threads that every rank trains with: `parallel.threads`, or, where that is 0, OMP_NUM_THREADS,
/// or, without it, the rank's share of the processors of its host, as far as the network has work for them.
/// The least of what the ranks come to. No exact result depends on it.
/// @throws InputError if `config` names something that does not exist
[[nodiscard]] int rank_threads(DistributedContext& ctx, const ExperimentConfig& config);

/// Independent. The same without OMP_NUM_THREADS, for ranks on machines like this one.
[[nodiscard]] int planned_threads(const ExperimentConfig& config, int ranks, int machines);

}  // namespace plexus
