#pragma once

#include <string>

#include "src/config/experiment_config.hpp"
#include "src/parts/grid_shape.hpp"
#include "src/state/dataset.hpp"

namespace plexus {

/// What a run would take on the ranks of `grid`: layers with their expected connections, and, where each rank
/// holds the whole network, per rank samples, rows, connections, bytes of memory and bytes exchanged per
/// step.
[[nodiscard]] std::string dry_run_report(const ExperimentConfig& config, const DataSplit& data,
                                         GridShape grid);

/// A table of the layers: neurons, density, connections; says which layers epsilon would overfill.
[[nodiscard]] std::string layer_table(const ExperimentConfig& config);

}  // namespace plexus
