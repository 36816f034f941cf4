#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/config/keys.hpp"
#include "tests/support/errors.hpp"

namespace plexus {
namespace {

ExperimentConfig valid_config() {
  ExperimentConfig config;
  config.network.layers = {784, 100, 10};
  config.topology.epsilon = 20.0;
  return config;
}

TEST(ProblemsOf, FindsNothingInDefaultsWithLayersAndEpsilon) {
  EXPECT_TRUE(problems_of(valid_config()).empty());
}

TEST(ProblemsOf, SaysValueRangeMeaningAndKey) {
  auto config = valid_config();
  config.topology.drop_fraction = 1.3;

  const auto problems = problems_of(config);

  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].key, "topology.drop_fraction");
  EXPECT_EQ(problems[0].message,
            "drop_fraction is 1.3 (must be in (0, 1); it is the share of connections replaced). "
            "Set topology.drop_fraction.");
}

TEST(ProblemsOf, SuggestsTheNearestName) {
  auto config = valid_config();
  config.optimizer.schedule = "cosin";

  const auto problems = problems_of(config);

  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(
      problems[0].message,
      "schedule is \"cosin\", which does not exist. Did you mean 'cosine'? Known: constant, step, cosine. "
      "Set optimizer.schedule.");
}

struct WrongValue {
  std::string key;
  std::function<void(ExperimentConfig&)> set;
};

TEST(ProblemsOf, FindsEachValueThatIsOutOfRangeAndNothingElse) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<WrongValue> wrong_values = {
      {"data.train_samples", [](auto& c) { c.data.train_samples = -1; }},
      {"data.test_samples", [](auto& c) { c.data.test_samples = -1; }},
      {"data.scaling", [](auto& c) { c.data.scaling = "units"; }},
      {"network.layers", [](auto& c) { c.network.layers = {}; }},
      {"network.layers", [](auto& c) { c.network.layers = {10}; }},
      {"network.layers",
       [](auto& c) {
         c.network.layers = {10, 0, 10};
       }},
      {"network.layers",
       [](auto& c) {
         c.network.layers = {10, Offset{1} << 31, 10};
       }},
      {"network.output_activation", [](auto& c) { c.network.output_activation = "sigmoid"; }},
      {"network.alpha", [](auto& c) { c.network.alpha = std::nan(""); }},
      {"network.dropout", [](auto& c) { c.network.dropout = 1.0; }},
      {"network.dropout", [](auto& c) { c.network.dropout = -0.1; }},
      {"network.dropout", [](auto& c) { c.network.dropout = std::nan(""); }},
      {"topology.epsilon", [](auto& c) { c.topology.epsilon.reset(); }},
      {"topology.epsilon", [](auto& c) { c.topology.density = 0.5; }},
      {"topology.epsilon", [](auto& c) { c.topology.epsilon = 0.0; }},
      {"topology.epsilon", [=](auto& c) { c.topology.epsilon = infinity; }},
      {"topology.drop_fraction", [](auto& c) { c.topology.drop_fraction = 0.0; }},
      {"topology.drop_fraction", [](auto& c) { c.topology.drop_fraction = 1.0; }},
      {"topology.locality", [](auto& c) { c.topology.locality = -0.1; }},
      {"topology.locality", [](auto& c) { c.topology.locality = 1.1; }},
      {"topology.locality", [](auto& c) { c.topology.locality = std::nan(""); }},
      {"topology.blocks", [](auto& c) { c.topology.blocks = 0; }},
      {"topology.blocks", [](auto& c) { c.topology.blocks = Offset{1} << 31; }},
      {"topology.output_layer", [](auto& c) { c.topology.output_layer = "sparse"; }},
      {"neuron_pruning.target", [](auto& c) { c.neuron_pruning.target = 1.0; }},
      {"neuron_pruning.target", [](auto& c) { c.neuron_pruning.target = -0.5; }},
      {"neuron_pruning.target", [](auto& c) { c.neuron_pruning.target = 0.95; }},  // the floor is 0.1
      {"neuron_pruning.start", [](auto& c) { c.neuron_pruning.start = -0.1; }},
      {"neuron_pruning.start", [](auto& c) { c.neuron_pruning.start = 0.7; }},  // the end is 0.6
      {"neuron_pruning.end", [](auto& c) { c.neuron_pruning.end = 1.1; }},
      {"neuron_pruning.every", [](auto& c) { c.neuron_pruning.every = 0; }},
      {"neuron_pruning.floor", [](auto& c) { c.neuron_pruning.floor = 1.1; }},
      {"neuron_pruning.budget", [](auto& c) { c.neuron_pruning.budget = "fix"; }},
      {"optimizer.learning_rate", [](auto& c) { c.optimizer.learning_rate = 0.0; }},
      {"optimizer.momentum", [](auto& c) { c.optimizer.momentum = 1.0; }},
      {"optimizer.weight_decay", [](auto& c) { c.optimizer.weight_decay = -1e-4; }},
      {"optimizer.decay", [](auto& c) { c.optimizer.decay = "l2"; }},
      {"optimizer.schedule", [](auto& c) { c.optimizer.schedule = "linear"; }},
      {"optimizer.warmup_epochs", [](auto& c) { c.optimizer.warmup_epochs = -1.0; }},
      {"optimizer.step_epochs", [](auto& c) { c.optimizer.step_epochs = 0; }},
      {"optimizer.step_factor", [](auto& c) { c.optimizer.step_factor = 0.0; }},
      {"optimizer.final_rate", [](auto& c) { c.optimizer.final_rate = -0.1; }},
      {"training.epochs", [](auto& c) { c.training.epochs = 0; }},
      {"training.batch_size", [](auto& c) { c.training.batch_size = 0; }},
      {"training.seed", [](auto& c) { c.training.seed = std::uint64_t{1} << 63; }},
      {"parallel.threads", [](auto& c) { c.parallel.threads = -1; }},
      {"parallel.exactness", [](auto& c) { c.parallel.exactness = "exactly"; }},
      {"parallel.watchdog_seconds", [](auto& c) { c.parallel.watchdog_seconds = -1.0; }},
      {"checkpoint.every", [](auto& c) { c.checkpoint.every = -1; }},
      {"checkpoint.keep", [](auto& c) { c.checkpoint.keep = -1; }},
      {"checkpoint.history", [](auto& c) { c.checkpoint.history = "all"; }},
      {"log.progress", [](auto& c) { c.log.progress = "on"; }},
  };

  for (const auto& wrong : wrong_values) {
    auto config = valid_config();
    wrong.set(config);

    const auto problems = problems_of(config);

    ASSERT_EQ(problems.size(), 1U) << wrong.key;
    EXPECT_EQ(problems[0].key, wrong.key);
    EXPECT_TRUE(says(problems[0].message, {wrong.key.substr(wrong.key.find('.') + 1), "Set "}));
  }
}

TEST(ProblemsOf, AcceptsTheEndsOfClosedRanges) {
  auto config = valid_config();
  config.topology.epsilon.reset();
  config.topology.density = 1.0;
  config.topology.locality = 1.0;
  config.topology.blocks = 1;
  config.network.dropout = 0.0;
  config.neuron_pruning.target = 0.9;
  config.neuron_pruning.start = 0.0;
  config.neuron_pruning.end = 1.0;
  config.optimizer.momentum = 0.0;
  config.optimizer.weight_decay = 0.0;
  config.parallel.threads = 0;
  config.checkpoint.every = 0;
  config.checkpoint.keep = 0;

  EXPECT_TRUE(problems_of(config).empty());
}

TEST(ProblemsOf, RefusesDensityOutsideOfItsRange) {
  for (const double density : {0.0, 1.1}) {
    auto config = valid_config();
    config.topology.epsilon.reset();
    config.topology.density = density;

    const auto problems = problems_of(config);

    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].key, "topology.density");
  }
}

TEST(ProblemsOf, ReportsAllProblems) {
  auto config = valid_config();
  config.network.dropout = 2.0;
  config.training.epochs = 0;

  EXPECT_EQ(problems_of(config).size(), 2U);
}

TEST(TextOf, WritesTomlValues) {
  EXPECT_EQ(text_of(true), "true");
  EXPECT_EQ(text_of(20.0), "20.0");
  EXPECT_EQ(text_of(0.1), "0.1");
  EXPECT_EQ(text_of(1e30), "1e+30");
  EXPECT_EQ(text_of(std::int64_t{-3}), "-3");
  EXPECT_EQ(text_of(std::string("a\"b\\c\n")), R"("a\"b\\c\u000A")");
  EXPECT_EQ(text_of(std::vector<Offset>{784, 10}), "[784, 10]");
  EXPECT_EQ(text_of(std::optional<double>()), "unset");
}

TEST(DifferingResultKeys, NamesOldAndNewValue) {
  const auto a = valid_config();
  auto b = a;
  b.network.layers = {784, 10};
  b.topology.epsilon.reset();
  b.topology.density = 0.5;
  b.network.activation = "tanh";

  const std::vector<std::string> expected = {
      "network.layers: [784, 100, 10] -> [784, 10]", "network.activation: \"relu\" -> \"tanh\"",
      "topology.epsilon: 20.0 -> unset", "topology.density: unset -> 0.5"};

  EXPECT_EQ(differing_result_keys(a, b), expected);
}

TEST(DifferingResultKeys, LeavesOutWhatDoesNotChangeTheResult) {
  const auto a = valid_config();
  auto b = a;
  b.data.path = "elsewhere";
  b.parallel.threads = 8;
  b.checkpoint.keep = 0;
  b.log.progress = "off";

  EXPECT_TRUE(differing_result_keys(a, b).empty());
}

}  // namespace
}  // namespace plexus
