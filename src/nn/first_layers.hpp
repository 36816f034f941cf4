#pragma once

#include <span>
#include <string>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/sparse/slabs.hpp"
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

/// The same for one part of a network, of each layer a slice of rows; columns are those of the whole layer.
/// Wants sparse layers only.
/// @param own_rows  of each layer, numbered as in the whole layer
[[nodiscard]] std::vector<LayerSnapshot> first_slices(const ExperimentConfig& config,
                                                      std::span<const RowRange> own_rows);

}  // namespace plexus
