#pragma once

#include <string>

#include "src/config/experiment_config.hpp"
#include "src/state/dataset.hpp"

namespace plexus {

/// What a run would take on `ranks` ranks: layers with their expected connections, and per rank samples,
/// rows, connections, bytes of memory and bytes exchanged per step.
[[nodiscard]] std::string dry_run_report(const ExperimentConfig& config, const DataSplit& data, int ranks);

/// A table of the layers: neurons, density, connections; says which layers epsilon would overfill.
[[nodiscard]] std::string layer_table(const ExperimentConfig& config);

}  // namespace plexus
