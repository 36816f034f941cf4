#include "src/config/keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "src/support/text.hpp"

namespace plexus {

namespace {

/// Collects the problems of one config. Each check names its key, what the value must be, and why.
class Checker {
 public:
  /// @param must_be continues "must be", and may say after a semicolon what the value means.
  template <class Value>
  void check(bool ok, std::string_view key, const Value& value, std::string_view must_be) {
    if (ok || !is_finite(value)) return;  // `check_finite` reports the others
    add(key, fmt::format("{} is {} (must be {}). Set {}.", name_of(key), text_of(value), must_be, key));
  }

  void check_one_of(std::string_view key, const std::string& value, const std::vector<std::string>& known) {
    for (const auto& name : known) {
      if (name == value) return;
    }
    add(key, fmt::format("{} is {}, which does not exist. {} Set {}.", name_of(key), text_of(value),
                         known_names_hint(value, known), key));
  }

  void check_finite(const ExperimentConfig& config) {
    for_each_key(config, [this](std::string_view section, std::string_view name, const auto& value, KeyRole,
                                std::string_view) {
      if (is_finite(value)) return;
      add(fmt::format("{}.{}", section, name),
          fmt::format("{} is {} (must be a finite number). Set {}.{}.", name, text_of(value), section, name));
    });
  }

  void add(std::string_view key, std::string message) {
    problems_.push_back({std::string(key), std::move(message)});
  }

  [[nodiscard]] std::vector<ConfigProblem> take() { return std::move(problems_); }

 private:
  static std::string_view name_of(std::string_view key) { return key.substr(key.find('.') + 1); }

  template <class Value>
  static bool is_finite(const Value& value) {
    if constexpr (std::is_same_v<Value, double>) {
      return std::isfinite(value);
    } else if constexpr (std::is_same_v<Value, std::optional<double>>) {
      return !value || std::isfinite(*value);
    } else {
      return true;
    }
  }

  std::vector<ConfigProblem> problems_;
};

void check_data(const DataConfig& d, Checker& checker) {
  checker.check(d.train_samples >= 0, "data.train_samples", d.train_samples, "0 for all samples, or more");
  checker.check(d.test_samples >= 0, "data.test_samples", d.test_samples, "0 for all samples, or more");
  checker.check_one_of("data.scaling", d.scaling, {"none", "unit", "standardize"});
}

void check_network(const NetworkConfig& n, Checker& checker) {
  checker.check(n.layers.size() >= 2, "network.layers", n.layers,
                "at least two numbers; inputs first, classes last");
  bool in_range = true;
  for (const Offset neurons : n.layers) {
    in_range = in_range && neurons >= 1 && neurons <= std::numeric_limits<Index>::max();
  }
  checker.check(in_range, "network.layers", n.layers,
                fmt::format("numbers of neurons from 1 to {}", std::numeric_limits<Index>::max()));
  if (n.loss == "cross_entropy" && n.output_activation != "linear") {
    checker.add("network.output_activation",
                fmt::format("output_activation is {} (must be \"linear\" where network.loss is "
                            "\"cross_entropy\", which contains the softmax). Set one of the two.",
                            text_of(n.output_activation)));
  }
  checker.check(n.dropout >= 0 && n.dropout < 1, "network.dropout", n.dropout,
                "in [0, 1); it is the share of hidden activations set to 0");
}

void check_topology(const TopologyConfig& t, Checker& checker) {
  if (t.epsilon && t.density) {
    checker.add(
        "topology.epsilon",
        fmt::format("epsilon is {} and density is {}, but they are one choice: both say how many connections "
                    "a layer gets. Set only one of topology.epsilon and topology.density.",
                    *t.epsilon, *t.density));
  }
  if (!t.epsilon && !t.density) {
    checker.add(
        "topology.epsilon",
        "neither epsilon nor density is set, so the number of connections is unknown. Set topology.epsilon "
        "or topology.density.");
  }
  checker.check(!t.epsilon || *t.epsilon > 0, "topology.epsilon", t.epsilon,
                "above 0; a layer gets epsilon (inputs + outputs) connections");
  checker.check(!t.density || (*t.density > 0 && *t.density <= 1), "topology.density", t.density,
                "in (0, 1]; it is the share of cells that are connected");
  checker.check(t.drop_fraction > 0 && t.drop_fraction < 1, "topology.drop_fraction", t.drop_fraction,
                "in (0, 1); it is the share of connections replaced");
  checker.check(t.locality >= 0 && t.locality <= 1, "topology.locality", t.locality,
                "in [0, 1]; it is the share of new connections that stay inside a block");
  checker.check(t.blocks >= 1 && t.blocks <= std::numeric_limits<Index>::max(), "topology.blocks", t.blocks,
                fmt::format("from 1 to {}", std::numeric_limits<Index>::max()));
  checker.check_one_of("topology.output_layer", t.output_layer, {"evolved", "fixed", "dense"});
}

void check_neuron_pruning(const NeuronPruningConfig& p, Checker& checker) {
  const bool target_ok = p.target >= 0 && p.target < 1;
  const bool floor_ok = p.floor >= 0 && p.floor <= 1;
  const bool start_ok = p.start >= 0 && p.start <= 1;
  const bool end_ok = p.end >= 0 && p.end <= 1;
  checker.check(target_ok, "neuron_pruning.target", p.target,
                "in [0, 1); it is the share of hidden neurons to remove");
  checker.check(start_ok, "neuron_pruning.start", p.start, "in [0, 1]; it is a share of the epochs");
  checker.check(end_ok, "neuron_pruning.end", p.end, "in [0, 1]; it is a share of the epochs");
  if (start_ok && end_ok && p.start > p.end) {
    checker.add("neuron_pruning.start",
                fmt::format("start is {} and end is {} (the first pruning must not come after the last). Set "
                            "neuron_pruning.start or neuron_pruning.end.",
                            p.start, p.end));
  }
  checker.check(p.every >= 1, "neuron_pruning.every", p.every, "1 or more; it counts epochs");
  checker.check(floor_ok, "neuron_pruning.floor", p.floor,
                "in [0, 1]; it is the share of each hidden layer that always stays");
  constexpr double rounding = 1e-12;  // a target of 0.9 and a floor of 0.1 fit
  if (target_ok && floor_ok && p.target > 0 && p.target + p.floor > 1 + rounding) {
    checker.add(
        "neuron_pruning.target",
        fmt::format(
            "target is {} and floor is {} (a layer cannot lose the one share and keep the other). Set "
            "neuron_pruning.target or neuron_pruning.floor so that their sum is at most 1.",
            p.target, p.floor));
  }
  checker.check_one_of("neuron_pruning.budget", p.budget, {"fixed", "shrink"});
}

void check_optimizer(const OptimizerConfig& o, Checker& checker) {
  checker.check(o.learning_rate > 0, "optimizer.learning_rate", o.learning_rate, "above 0");
  checker.check(o.momentum >= 0 && o.momentum < 1, "optimizer.momentum", o.momentum, "in [0, 1)");
  checker.check(o.weight_decay >= 0, "optimizer.weight_decay", o.weight_decay, "0 or more");
  checker.check_one_of("optimizer.decay", o.decay, {"uncoupled", "coupled"});
  checker.check_one_of("optimizer.schedule", o.schedule, {"constant", "step", "cosine"});
  checker.check(o.warmup_epochs >= 0, "optimizer.warmup_epochs", o.warmup_epochs, "0 or more");
  checker.check(o.step_epochs >= 1, "optimizer.step_epochs", o.step_epochs, "1 or more");
  checker.check(o.step_factor > 0 && o.step_factor <= 1, "optimizer.step_factor", o.step_factor,
                "in (0, 1]; each reduction multiplies the rate by it");
  checker.check(o.final_rate >= 0, "optimizer.final_rate", o.final_rate, "0 or more");
}

void check_running(const ExperimentConfig& config, Checker& checker) {
  const auto& r = config.training;
  checker.check(r.epochs >= 1, "training.epochs", r.epochs, "1 or more");
  checker.check(r.batch_size >= 1, "training.batch_size", r.batch_size, "1 or more");
  constexpr auto largest_seed = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  checker.check(r.seed <= largest_seed, "training.seed", r.seed,
                fmt::format("at most {}, the largest integer that TOML has", largest_seed));
  const auto& l = config.parallel;
  checker.check(l.data.number.value_or(0) >= 0, "parallel.data", l.data,
                "0 or \"auto\" for ranks / parallel.model, or more");
  checker.check(l.model.number.value_or(1) >= 1, "parallel.model", l.model, "1 or more, or \"auto\"");
  checker.check(l.threads >= 0, "parallel.threads", l.threads, "0 to have it chosen, or more");
  checker.check_one_of("parallel.exactness", l.exactness, {"exact", "fast"});
  checker.check(l.watchdog_seconds >= 0, "parallel.watchdog_seconds", l.watchdog_seconds,
                "0 for off, or more");
  const auto& c = config.checkpoint;
  checker.check(c.every >= 0, "checkpoint.every", c.every, "0 for the last epoch only, or more");
  checker.check(c.keep >= 0, "checkpoint.keep", c.keep, "0 for all, or more");
  checker.check_one_of("checkpoint.history", c.history, {"edits", "none"});
  checker.check_one_of("log.progress", config.log.progress, {"auto", "live", "plain", "off"});
}

}  // namespace

std::vector<ConfigProblem> problems_of(const ExperimentConfig& config) {
  Checker checker;
  checker.check_finite(config);
  check_data(config.data, checker);
  check_network(config.network, checker);
  check_topology(config.topology, checker);
  check_neuron_pruning(config.neuron_pruning, checker);
  check_optimizer(config.optimizer, checker);
  check_running(config, checker);
  return checker.take();
}

std::string text_of(bool value) { return value ? "true" : "false"; }

std::string text_of(double value) {
  std::string text = fmt::format("{}", value);
  const bool reads_as_integer = text.find_first_not_of("-0123456789") == std::string::npos;
  return reads_as_integer ? text + ".0" : text;
}

std::string text_of(std::int64_t value) { return fmt::format("{}", value); }

std::string text_of(std::uint64_t value) { return fmt::format("{}", value); }

std::string text_of(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (code < 0x20 || code == 0x7f) {
      text += fmt::format("\\u{:04X}", static_cast<unsigned>(code));
    } else {
      text += c;
    }
  }
  return text + '"';
}

std::string text_of(const std::vector<Offset>& value) { return fmt::format("[{}]", fmt::join(value, ", ")); }

std::string text_of(const std::optional<double>& value) { return value ? text_of(*value) : "unset"; }

std::string text_of(const NumberOrAuto& value) {
  return value.number ? text_of(*value.number) : text_of(std::string("auto"));
}

std::vector<std::string> differing_result_keys(const ExperimentConfig& a, const ExperimentConfig& b) {
  std::vector<std::string> texts_of_b;
  for_each_key(b, [&](std::string_view, std::string_view, const auto& value, KeyRole, std::string_view) {
    texts_of_b.push_back(text_of(value));
  });
  std::vector<std::string> differing;
  std::size_t position = 0;
  for_each_key(a, [&](std::string_view section, std::string_view key, const auto& value, KeyRole role,
                      std::string_view) {
    const std::string& text_of_b = texts_of_b[position++];
    const std::string text_of_a = text_of(value);
    if (role == KeyRole::result && text_of_a != text_of_b) {
      differing.push_back(fmt::format("{}.{}: {} -> {}", section, key, text_of_a, text_of_b));
    }
  });
  return differing;
}

}  // namespace plexus
