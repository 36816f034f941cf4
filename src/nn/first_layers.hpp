#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/init/weight_init.hpp"
#include "src/optim/optimizer.hpp"
#include "src/sparse/slabs.hpp"
#include "src/state/model_snapshot.hpp"
#include "src/support/random_stream.hpp"

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

/// Makes the layers of a new network, or slices of them, one at a time: random connections, first weights,
/// biases and optimizer state 0.
class FirstLayers {
 public:
  /// @throws InputError if `config` names a method, first weights or optimizer that do not exist
  explicit FirstLayers(const ExperimentConfig& config);

  [[nodiscard]] std::size_t count() const { return plans_.size(); }
  [[nodiscard]] LayerSnapshot whole(std::size_t l) const;
  /// Rows of a sparse layer, numbered as in the whole layer; columns are those of the whole layer.
  [[nodiscard]] LayerSnapshot slice(std::size_t l, RowRange rows) const;

 private:
  [[nodiscard]] RandomStream weights(std::size_t l) const;
  void add_states(LayerSnapshot& layer) const;

  std::uint64_t seed_;
  std::vector<LayerPlan> plans_;
  std::unique_ptr<WeightInit> init_;
  std::unique_ptr<Optimizer> optimizer_;
};

/// All layers of a new network.
[[nodiscard]] std::vector<LayerSnapshot> first_layers(const ExperimentConfig& config);

/// The same for one part of a network, of each layer a slice of rows; columns are those of the whole layer.
/// Wants sparse layers only.
/// @param own_rows  of each layer, numbered as in the whole layer
[[nodiscard]] std::vector<LayerSnapshot> first_slices(const ExperimentConfig& config,
                                                      std::span<const RowRange> own_rows);

}  // namespace plexus
