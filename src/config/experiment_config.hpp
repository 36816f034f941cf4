#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/support/types.hpp"

namespace plexus {

// Every key of the config file with its default. `keys.hpp` gives each a line of help, `io/config_text` reads
// and writes the text form.

struct DataConfig {
  std::string path;
  std::string format = "idx";
  Offset train_samples = 0;  // 0 = all; otherwise a random subset keyed by the seed
  Offset test_samples = 0;
  std::string scaling = "unit";
};

struct NetworkConfig {
  std::vector<Offset> layers;
  std::string activation = "relu";
  std::string output_activation = "linear";
  double alpha = 0.6;
  std::string loss = "cross_entropy";
  double dropout = 0.0;
  std::string init = "he_uniform";
};

struct TopologyConfig {
  std::optional<double> epsilon;  // exactly one of epsilon and density is set
  std::optional<double> density;
  std::string method = "set";
  double drop_fraction = 0.3;
  double locality = 0.0;  // share of grown connections inside blocks; 0 = blocks do not matter
  Offset blocks = 64;
  std::string output_layer = "fixed";
};

struct NeuronPruningConfig {
  std::string criterion = "out";
  double target = 0.0;  // share of hidden neurons to remove; 0 = off
  double start = 0.1;   // share of the epochs
  double end = 0.6;
  std::int64_t every = 1;
  double floor = 0.1;
  std::string budget = "fixed";
};

struct OptimizerConfig {
  std::string name = "sgd";
  double learning_rate = 0.01;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0.0002;
  std::string decay = "uncoupled";
  std::string schedule = "constant";
  double warmup_epochs = 0.0;
  std::int64_t step_epochs = 30;
  double step_factor = 0.1;
  double final_rate = 0.0;
};

struct TrainingConfig {
  std::int64_t epochs = 10;
  std::int64_t batch_size = 128;
  std::uint64_t seed = 1;
};

/// A number, or "auto": what suits the run, found when it starts.
struct NumberOrAuto {
  NumberOrAuto(std::int64_t given) : number(given) {}  // NOLINT: a number is one of the two
  [[nodiscard]] static NumberOrAuto automatic() {
    NumberOrAuto value(0);
    value.number.reset();
    return value;
  }

  std::optional<std::int64_t> number;  ///< nothing for "auto"
};

struct ParallelConfig {
  NumberOrAuto data = 0;   // data groups; 0 and auto = as many as the ranks make
  NumberOrAuto model = 1;  // parts that hold one network between them
  std::int64_t threads = 0;  // of a rank; 0 = chosen
  std::string exactness = "exact";
  double watchdog_seconds = 120.0;
};

struct CheckpointConfig {
  std::int64_t every = 1;  // epochs; 0 = only at the end and on request
  std::int64_t keep = 3;   // newest checkpoints to keep; 0 = all
  std::string history = "edits";
};

struct LogConfig {
  std::string progress = "auto";
};

/// Everything that defines a run.
struct ExperimentConfig {
  DataConfig data;
  NetworkConfig network;
  TopologyConfig topology;
  NeuronPruningConfig neuron_pruning;
  OptimizerConfig optimizer;
  TrainingConfig training;
  ParallelConfig parallel;
  CheckpointConfig checkpoint;
  LogConfig log;
};

}  // namespace plexus
