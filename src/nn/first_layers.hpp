#pragma once

#include <string>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

/// What the config makes of one layer, before any connection is drawn.
struct LayerPlan {
  LayerKind kind = LayerKind::sparse;
  Offset rows = 0;
  Offset cols = 0;
  double density = 0;  ///< of connections
  std::string activation;
  bool evolves = false;  ///< whether its connections are rewired
  bool capped = false;   ///< epsilon asked for more connections than there are cells
  [[nodiscard]] double expected_connections() const {
    return density * static_cast<double>(rows) * static_cast<double>(cols);
  }
};

/// The layers of `config`, first hidden layer first.
/// @throws InputError if `config.topology.method` does not exist
[[nodiscard]] std::vector<LayerPlan> plan_layers(const ExperimentConfig& config);

/// The layers of a new network: random connections, first weights, biases and optimizer state 0.
[[nodiscard]] std::vector<LayerSnapshot> first_layers(const ExperimentConfig& config);

}  // namespace plexus
