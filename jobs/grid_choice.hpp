#pragma once

#include <string>

#include "mpi/distributed_context.hpp"
#include "src/config/experiment_config.hpp"
#include "src/parts/grid_shape.hpp"

namespace plexus {

/// The grid that the ranks make, and why.
struct GridChoice {
  GridShape grid;
  std::string reason;   ///< the predicted cost of all candidates
  std::string warning;  ///< empty where the memory suffices
};

/// Collective. The grid of all ranks that takes least time for a step by the cost model, of those that fit
/// into the memory that is free now (the data set, which all ranks hold, is taken to be loaded). Computes
/// with what was measured with ranks in this layout; where there is nothing, they measure for about a second
/// and keep it. No result of a training depends on the choice.
/// @param samples  of the training part
/// @throws InputError if no grid has so many ranks
[[nodiscard]] GridChoice choose_grid(DistributedContext& ctx, const ExperimentConfig& config, Offset samples,
                                     int threads);

}  // namespace plexus
