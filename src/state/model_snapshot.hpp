#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// A network with more is not copied to be written while training goes on, but written layer by layer.
constexpr Offset most_copied_connections = Offset{1} << 26;

/// How one layer stores its weights.
enum class LayerKind { sparse, dense };

/// Everything of one layer that a checkpoint holds. Rows = neurons of this layer that are alive.
struct LayerSnapshot {
  LayerKind kind = LayerKind::sparse;
  std::string activation;
  Topology topology;                            ///< dense layers: rows and cols only, no connections
  std::vector<Real> values;                     ///< in CSR order; dense: rows x cols, row-major
  std::vector<std::vector<Real>> value_states;  ///< optimizer state, each as `values`
  std::vector<Real> biases;                     ///< rows
  std::vector<std::vector<Real>> bias_states;   ///< optimizer state, each as `biases`
  std::vector<NeuronId> row_ids;                ///< stable ids of the rows, ascending
  std::vector<NeuronId> col_ids;                ///< stable ids of the columns, ascending
  Offset original_rows = 0;                     ///< when the network was created
  Offset original_cols = 0;
  int gradient_exponent = 0;  ///< exact sums: one unit of the integer gradient is 2^-gradient_exponent
  bool operator==(const LayerSnapshot&) const = default;
};

/// One line of the training history.
struct EpochMetrics {
  std::int64_t epoch = 0;     ///< epochs done, 1 after the first
  double loss = 0;            ///< mean training loss over the epoch, each batch before its update
  double train_accuracy = 0;  ///< the same way, with dropout
  double test_accuracy = 0;   ///< after the last batch, before the rewiring
  double test_loss = 0;
  double learning_rate = 0;           ///< of the last step
  std::vector<Offset> connections;    ///< per layer, after the rewiring
  std::vector<Offset> alive_neurons;  ///< per layer, inputs first, after the rewiring
  std::vector<Offset> dropped;        ///< connections removed per layer, those of pruned neurons included
  std::vector<Offset> grown;          ///< per layer
  double seconds_train = 0;
  double seconds_exchange = 0;  ///< rank 0 waiting for other ranks; part of seconds_train
  double seconds_evaluate = 0;
  double seconds_rewire = 0;
  double seconds_checkpoint = 0;  ///< time training stood still for it
  std::int64_t restarts = 0;      ///< how often the run had been resumed
  std::int64_t ranks = 0;
  std::int64_t model_parts = 1;  ///< that held the network between them
  // Of the part that most was sent to, or that sent most.
  std::int64_t bytes_halo = 0;  ///< activations and their gradients from other parts, training and evaluation
  std::int64_t bytes_weights = 0;  ///< changed weights from other parts
  std::int64_t bytes_rewire = 0;   ///< to other parts for rewiring and pruning
  double imbalance = 1;            ///< connections and neurons of the part that has most, by the mean
  std::int64_t memory = 0;         ///< bytes that the rank which has most uses after the rewiring
  std::int64_t memory_peak = 0;    ///< the most that a rank has used at a time since it started
  bool operator==(const EpochMetrics&) const = default;
};

/// Where in the training a snapshot was taken.
struct TrainingPosition {
  std::int64_t epoch = 0;        ///< epochs completed, rewiring included
  std::int64_t step = 0;         ///< steps completed in the current epoch; 0 at an epoch boundary
  std::int64_t global_step = 0;  ///< steps completed since the start
  std::int64_t loss_sum = 0;     ///< of the current epoch, integer units of `loss_unit`
  std::int64_t correct = 0;      ///< of the current epoch
  std::int64_t restarts = 0;
  double seconds_train = 0;  ///< of the current epoch
  double seconds_exchange = 0;
  bool operator==(const TrainingPosition&) const = default;
};

/// All that is needed to continue a run, and nothing that depends on the number of ranks.
struct ModelSnapshot {
  std::string config_text;  ///< resolved config, TOML
  std::string data_name;
  std::uint64_t data_identity = 0;
  std::string instruction_set;    ///< arithmetic the run is exact within, e.g. "fma"
  std::uint64_t fingerprint = 0;  ///< of the layers and the position
  TrainingPosition position;
  std::vector<LayerSnapshot> layers;
  std::vector<EpochMetrics> history;  ///< one entry per completed epoch
  bool operator==(const ModelSnapshot&) const = default;
};

/// Order-free fingerprint of one layer: a sum over connections and biases of a hash of the stable ids of both
/// ends, the bits of the value and of its optimizer state. The same for any partition of the rows.
[[nodiscard]] std::uint64_t fingerprint(const LayerSnapshot& layer, std::size_t layer_index);

/// What the rows of a slice of a layer add to the fingerprint of the layer: slices, whose columns are those
/// of the whole layer, add up modulo 2^64.
[[nodiscard]] std::uint64_t slice_fingerprint(const LayerSnapshot& slice, std::size_t layer_index);

/// The fingerprint of a layer of which `slices` is the sum of `slice_fingerprint`.
[[nodiscard]] std::uint64_t layer_fingerprint(std::uint64_t slices, std::size_t layer_index,
                                              int gradient_exponent);

/// Fingerprint of the whole state, of which `layers` are the fingerprints of the layers.
[[nodiscard]] std::uint64_t fingerprint(const TrainingPosition& position,
                                        std::span<const std::uint64_t> layers);

/// Fingerprint of the whole state: layers and position (epoch, step).
[[nodiscard]] std::uint64_t fingerprint(const ModelSnapshot& snapshot);

}  // namespace plexus
