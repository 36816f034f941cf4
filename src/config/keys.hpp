#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/config/experiment_config.hpp"

namespace plexus {

/// Whether two runs that differ in a key are still the same experiment.
enum class KeyRole {
  result,   ///< changes the trained network: a run directory belongs to one value
  running,  ///< changes only how the run is carried out or reported
};

/// Calls `visit(section, key, value&, role, help)` for every key of `config`, in the order of the file.
/// The one list of all keys: reading, printing, comparing and documenting go through it.
template <class Config, class Visitor>
void for_each_key(Config& config, Visitor&& visit) {
  const auto result = KeyRole::result;
  const auto running = KeyRole::running;

  auto& d = config.data;
  visit("data", "path", d.path, running, "folder that holds the data set");
  visit("data", "format", d.format, result, "how the data are stored: see `plexus list datasets`");
  visit("data", "train_samples", d.train_samples, result,
        "size of the training part; 0 = all, else a random subset");
  visit("data", "test_samples", d.test_samples, result,
        "size of the test part; 0 = all, else a random subset");
  visit("data", "scaling", d.scaling, result,
        "none, unit (divide by 255) or standardize (mean and deviation of the training part)");

  auto& n = config.network;
  visit("network", "layers", n.layers, result, "neurons per layer, inputs first, classes last");
  visit("network", "activation", n.activation, result, "of the hidden layers: see `plexus list activations`");
  visit("network", "output_activation", n.output_activation, result,
        "of the last layer; linear for cross_entropy, which contains the softmax");
  visit("network", "alpha", n.alpha, result, "slope of leaky_relu and all_relu");
  visit("network", "loss", n.loss, result, "see `plexus list losses`");
  visit("network", "dropout", n.dropout, result,
        "share of hidden activations set to 0 while training, [0, 1)");
  visit("network", "init", n.init, result, "distribution of first weights: see `plexus list inits`");

  auto& t = config.topology;
  visit("topology", "epsilon", t.epsilon, result,
        "SET sparsity level: a layer gets epsilon (inputs + outputs) connections");
  visit("topology", "density", t.density, result,
        "instead of epsilon: share of cells that are connected; 1 = dense layers");
  visit("topology", "method", t.method, result, "how connections evolve: see `plexus list rules`");
  visit("topology", "drop_fraction", t.drop_fraction, result,
        "share of connections replaced after each epoch, (0, 1)");
  visit("topology", "locality", t.locality, result,
        "share of new connections that stay inside a block of neurons, [0, 1]; 0 = anywhere");
  visit("topology", "blocks", t.blocks, result,
        "ranges that each layer of neurons is cut into, on any number of ranks; for locality");
  visit("topology", "output_layer", t.output_layer, result,
        "evolved (like the others), fixed (sparse, never rewired) or dense");

  auto& p = config.neuron_pruning;
  visit("neuron_pruning", "criterion", p.criterion, result,
        "what makes a neuron important: out, in, in+out or in*out");
  visit("neuron_pruning", "target", p.target, result,
        "share of each hidden layer to remove, [0, 1); 0 = off");
  visit("neuron_pruning", "start", p.start, result, "first pruning, as a share of the epochs");
  visit("neuron_pruning", "end", p.end, result, "last pruning, as a share of the epochs");
  visit("neuron_pruning", "every", p.every, result, "epochs between two prunings");
  visit("neuron_pruning", "floor", p.floor, result, "share of each hidden layer that always stays");
  visit("neuron_pruning", "budget", p.budget, result,
        "fixed (freed connections grow elsewhere in the layer) or shrink (they are gone)");

  auto& o = config.optimizer;
  visit("optimizer", "name", o.name, result, "see `plexus list optimizers`");
  visit("optimizer", "learning_rate", o.learning_rate, result, "step size before the schedule");
  visit("optimizer", "momentum", o.momentum, result, "[0, 1)");
  visit("optimizer", "nesterov", o.nesterov, result, "Nesterov's look-ahead form of momentum");
  visit("optimizer", "weight_decay", o.weight_decay, result,
        "strength of the pull of weights and biases towards 0");
  visit(
      "optimizer", "decay", o.decay, result,
      "uncoupled (SET: subtract weight_decay * w, not scaled by the rate) or coupled (L2 term of the loss)");
  visit("optimizer", "schedule", o.schedule, result, "constant, step or cosine");
  visit("optimizer", "warmup_epochs", o.warmup_epochs, result, "the rate rises linearly over these epochs");
  visit("optimizer", "step_epochs", o.step_epochs, result, "schedule step: epochs between two reductions");
  visit("optimizer", "step_factor", o.step_factor, result, "schedule step: factor of each reduction");
  visit("optimizer", "final_rate", o.final_rate, result, "schedule cosine: rate at the end");

  auto& r = config.training;
  visit("training", "epochs", r.epochs, result, "passes over the training part");
  visit("training", "batch_size", r.batch_size, result, "samples per step, over all ranks");
  visit("training", "seed", r.seed, result, "key of every random number of the run");

  auto& l = config.parallel;
  visit("parallel", "data", l.data, running,
        "groups of ranks that share out the samples of a batch; 0 or \"auto\" = ranks / model");
  visit("parallel", "model", l.model, running,
        "ranks of a group, which hold one network between them; \"auto\" = what is fastest and fits");
  visit("parallel", "threads", l.threads, running,
        "OpenMP threads per rank; 0 = OMP_NUM_THREADS, or the rank's share of the cores if there is work for "
        "them");
  visit("parallel", "exactness", l.exactness, result,
        "exact (same bits on any number of ranks and threads) or fast (float sums, results vary in the last "
        "bits)");
  visit("parallel", "watchdog_seconds", l.watchdog_seconds, running,
        "a rank that stands still for so long is reported and the job ends; 0 = off");

  auto& c = config.checkpoint;
  visit("checkpoint", "every", c.every, running,
        "epochs between checkpoints; 0 = only the last and on request");
  visit("checkpoint", "keep", c.keep, running, "newest checkpoints to keep; 0 = all");
  visit("checkpoint", "history", c.history, running, "edits (keep each epoch's topology changes) or none");

  visit("log", "progress", config.log.progress, running,
        "auto, live (one changing line), plain (a line per epoch) or off");
}

/// A value that the config must not have.
struct ConfigProblem {
  std::string key;      ///< "section.key"
  std::string message;  ///< what is wrong and how to mend it
};

/// Everything in `config` that is out of range or does not fit together; empty when the config can be run.
/// Names of rules, activations and the like are checked where they are looked up, not here.
[[nodiscard]] std::vector<ConfigProblem> problems_of(const ExperimentConfig& config);

/// A value as the config file writes it (TOML). Doubles are the shortest text that reads back as the same
/// bits; strings are quoted; an optional without a value is "unset", which only people read.
[[nodiscard]] std::string text_of(bool value);
[[nodiscard]] std::string text_of(double value);
[[nodiscard]] std::string text_of(std::int64_t value);
[[nodiscard]] std::string text_of(std::uint64_t value);
[[nodiscard]] std::string text_of(const std::string& value);
[[nodiscard]] std::string text_of(const std::vector<Offset>& value);
[[nodiscard]] std::string text_of(const std::optional<double>& value);
[[nodiscard]] std::string text_of(const NumberOrAuto& value);
std::string text_of(const char* value) = delete;  // would convert to bool

/// The keys of role `result` in which two configs differ, each as "section.key: value of a -> value of b".
[[nodiscard]] std::vector<std::string> differing_result_keys(const ExperimentConfig& a,
                                                             const ExperimentConfig& b);

}  // namespace plexus
