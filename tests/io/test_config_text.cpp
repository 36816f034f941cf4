#include "io/config_text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "src/config/keys.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace plexus {
namespace {

const std::string layers = "[network]\nlayers = [4, 3, 2]\n";  // the smallest config that can be run

/// What reading the text, with its name "some.toml", is refused with.
std::string refusal_of(const std::string& text) {
  return input_error_of([&] { (void)parse_config(text, "some.toml"); });
}

class ReadConfig : public ::testing::Test {
 protected:
  ExperimentConfig read(const std::string& text, const std::vector<std::string>& overrides = {}) {
    return read_config(folder_.write("run.toml", text), overrides);
  }
  std::string refusal_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
    return input_error_of([&] { (void)read(text, overrides); });
  }

  TempDir folder_;
};

/// Every key has a value that is not its default.
ExperimentConfig unusual_config() {
  ExperimentConfig config;
  for_each_key(config, [](std::string_view, std::string_view, auto& value, KeyRole, std::string_view) {
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, bool>) {
      value = !value;
    } else if constexpr (std::is_same_v<Value, std::int64_t> || std::is_same_v<Value, std::uint64_t>) {
      value += 7;
    } else if constexpr (std::is_same_v<Value, double>) {
      value = value * 0.7 + 0.1 / 3.0;
    }
  });
  config.data = {"odd \"path\"\\\t\xc3\xa9", "csv", 11, 12, "standardize"};
  config.network.layers = {5, 4, 3};
  config.network.activation = "tanh";
  config.network.output_activation = "sigmoid";
  config.network.loss = "mse";
  config.network.init = "xavier";
  config.topology.density = 1.0 / 3.0;
  config.topology.method = "fixed";
  config.topology.output_layer = "dense";
  config.neuron_pruning.criterion = "in*out";
  config.neuron_pruning.budget = "shrink";
  config.optimizer.name = "other";
  config.optimizer.decay = "coupled";
  config.optimizer.schedule = "cosine";
  config.training.seed = (std::uint64_t{1} << 63) - 1;
  config.parallel.data = 3;
  config.parallel.model = NumberOrAuto::automatic();
  config.parallel.exactness = "fast";
  config.checkpoint.history = "none";
  config.log.progress = "off";
  return config;
}

/// Every key with its value, whatever its role.
std::vector<std::string> all_values(const ExperimentConfig& config) {
  std::vector<std::string> values;
  for_each_key(config, [&](std::string_view section, std::string_view key, const auto& value, KeyRole,
                           std::string_view) {
    values.push_back(std::string(section) + "." + std::string(key) + " = " + text_of(value));
  });
  return values;
}

TEST(ConfigText, RoundTripKeepsEveryValue) {
  const ExperimentConfig config = unusual_config();
  const auto defaults = all_values(ExperimentConfig());
  const auto values = all_values(config);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != "topology.epsilon = unset") {
      EXPECT_NE(values[i], defaults[i]);
    }
  }

  const ExperimentConfig plain = parse_config(to_toml(config), "plain");
  const ExperimentConfig commented = parse_config(commented_toml(config), "commented");

  EXPECT_EQ(all_values(plain), values);
  EXPECT_EQ(all_values(commented), values);
  EXPECT_EQ(plain.network.alpha, config.network.alpha);
  EXPECT_EQ(plain.topology.density, config.topology.density);
}

TEST(ConfigText, HasEachKeyOnceUnderItsSection) {
  const std::string text = to_toml(parse_config(layers, "some.toml"));

  EXPECT_EQ(text.find("[data]\npath = \"\"\nformat = \"idx\"\n"), 0U);
  EXPECT_TRUE(
      says(text, {"\n[network]\nlayers = [4, 3, 2]\n", "\n[topology]\nepsilon = 20.0\nmethod = \"set\"\n"}));
  EXPECT_EQ(text.find("density"), std::string::npos);
  EXPECT_EQ(text.find('#'), std::string::npos);
}

TEST(ConfigText, CommentsExplainEachKey) {
  const std::string text = commented_toml(parse_config(layers, "some.toml"));

  EXPECT_TRUE(says(text, {"# neurons per layer, inputs first, classes last\nlayers = [4, 3, 2]\n",
                          "# passes over the training part\nepochs = 10\n", "# density is unset\n"}));
}

TEST_F(ReadConfig, OverrideBeatsFileBeatsDefault) {
  const auto config = read(layers + "[training]\nepochs = 5\nbatch_size = 32\n", {"training.epochs=6"});

  EXPECT_EQ(config.training.epochs, 6);
  EXPECT_EQ(config.training.batch_size, 32);
  EXPECT_EQ(config.training.seed, 1U);
}

TEST_F(ReadConfig, TheLastOverrideOfAKeyCounts) {
  EXPECT_EQ(read(layers, {"training.epochs=6", "training.epochs=7"}).training.epochs, 7);
}

TEST_F(ReadConfig, OverridesMayLeaveOutQuotes) {
  const auto config = read("", {"network.layers=[784,10]", "network.activation=tanh", "data.path=/x/y z=1",
                                " optimizer.nesterov = true", "topology.method=\"fixed\"", "data.format=2024",
                                "optimizer.momentum=0"});

  EXPECT_EQ(config.network.layers, (std::vector<Offset>{784, 10}));
  EXPECT_EQ(config.network.activation, "tanh");
  EXPECT_EQ(config.data.path, "/x/y z=1");
  EXPECT_TRUE(config.optimizer.nesterov);
  EXPECT_EQ(config.topology.method, "fixed");
  EXPECT_EQ(config.data.format, "2024");
  EXPECT_EQ(config.optimizer.momentum, 0.0);
}

TEST_F(ReadConfig, ARelativeDataPathIsKept) {
  EXPECT_EQ(read(layers + "[data]\npath = \"../data\"\n").data.path, "../data");
}

TEST_F(ReadConfig, EpsilonIs20WithoutEpsilonAndDensity) {
  const auto config = read(layers);

  EXPECT_EQ(config.topology.epsilon, 20.0);
  EXPECT_FALSE(config.topology.density.has_value());
}

TEST_F(ReadConfig, TheLaterOfEpsilonAndDensityCounts) {
  const auto dense = read(layers + "[topology]\nepsilon = 5\n", {"topology.density=1"});
  const auto sparse = read(layers + "[topology]\ndensity = 0.5\n", {"topology.epsilon=5"});

  EXPECT_FALSE(dense.topology.epsilon.has_value());
  EXPECT_EQ(dense.topology.density, 1.0);
  EXPECT_EQ(sparse.topology.epsilon, 5.0);
  EXPECT_FALSE(sparse.topology.density.has_value());
}

TEST_F(ReadConfig, RefusesEpsilonAndDensityFromOneSource) {
  const std::string both_in_file = refusal_of(layers + "[topology]\nepsilon = 5\ndensity = 0.5\n");
  const std::string both_set = refusal_of(layers, {"topology.epsilon=5", "topology.density=1"});

  EXPECT_TRUE(says(both_in_file, {"run.toml line 5", "topology.epsilon", "topology.density", "Remove one"}));
  EXPECT_TRUE(says(both_set, {"--set topology.", "topology.epsilon", "topology.density", "Remove one"}));
}

TEST_F(ReadConfig, RefusesAFileThatDoesNotExistOrIsAFolder) {
  const auto missing = folder_.path() / "none.toml";

  const std::string of_missing = input_error_of([&] { (void)read_config(missing, {}); });
  const std::string of_folder = input_error_of([&] { (void)read_config(folder_.path(), {}); });

  EXPECT_TRUE(says(of_missing, {missing.string(), "does not exist", "Give the path"}));
  EXPECT_TRUE(says(of_folder, {folder_.path().string(), "is a folder", "Give the path"}));
}

TEST(ParseConfig, NamesThePlaceOfASyntaxError) {
  EXPECT_TRUE(says(refusal_of("[network]\nlayers = [1, 2\n\n[training]\n"),
                   {"some.toml line 4, column 1", "not TOML"}));
  EXPECT_TRUE(says(refusal_of("[training]\nepochs = 1\nepochs = 2\n"), {"some.toml line 3", "not TOML"}));
}

TEST(ParseConfig, NamesAnUnknownSectionAndTheNearestOne) {
  EXPECT_EQ(refusal_of(layers + "[trainning]\nepochs = 3\n"),
            "some.toml line 3: unknown section [trainning]. Did you mean 'training'? Known: data, network, "
            "topology, "
            "neuron_pruning, optimizer, training, parallel, checkpoint, log.");
}

TEST(ParseConfig, NamesAnUnknownKeyAndTheNearestOne) {
  EXPECT_EQ(
      refusal_of(layers + "[training]\nepoch = 3\n"),
      "some.toml line 4: unknown key 'epoch' in section [training]. Did you mean 'epochs'? Known: epochs, "
      "batch_size, seed.");
}

TEST(ParseConfig, NamesTheSectionOfAMisplacedKey) {
  EXPECT_TRUE(says(refusal_of("[training]\nmomentum = 0.5\n"),
                   {"line 2", "'momentum'", "belongs in section [optimizer]"}));
  EXPECT_TRUE(says(refusal_of("epochs = 3\n"),
                   {"line 1", "outside of all sections", "belongs in section [training]"}));
  EXPECT_TRUE(says(refusal_of("training = 3\n"), {"line 1", "'training' is a section", "Write [training]"}));
  EXPECT_TRUE(says(refusal_of("[[training]]\nepochs = 3\n"), {"line 1", "'training' is a section"}));
}

TEST(ParseConfig, SaysWhichTypeIsExpectedAndWhichWasFound) {
  EXPECT_EQ(refusal_of(layers + "[training]\nepochs = \"ten\"\n"),
            "some.toml line 4: training.epochs must be an integer, not the string \"ten\" (passes over the "
            "training "
            "part). Write for example epochs = 10.");
  EXPECT_TRUE(
      says(refusal_of("[training]\nepochs = 10.0\n"), {"line 2", "must be an integer", "the number 10.0"}));
  EXPECT_TRUE(says(refusal_of("[training]\nseed = -1\n"),
                   {"line 2", "training.seed", "not negative", "the integer -1"}));
  EXPECT_TRUE(
      says(refusal_of("[topology]\nepsilon = true\n"), {"topology.epsilon must be a number, not true"}));
  EXPECT_TRUE(says(refusal_of("[optimizer]\nnesterov = 1\n"), {"must be true or false, not the integer 1"}));
  EXPECT_TRUE(says(refusal_of("[data]\npath = 3\n"), {"data.path must be a string, not the integer 3"}));
  EXPECT_TRUE(says(refusal_of("[data]\npath = 2024-01-01\n"), {"must be a string, not a date or time"}));
  EXPECT_TRUE(says(refusal_of("[data]\npath = {a = 1}\n"), {"must be a string, not a table"}));
  EXPECT_TRUE(says(refusal_of("[network]\nlayers = 3\n"), {"must be a list of integers, not the integer 3"}));
  EXPECT_TRUE(says(refusal_of("[network]\nlayers = [4, 2.5]\n"),
                   {"must be a list of integers", "the integer 4, the number 2.5", "[784, 1000, 10]"}));
}

TEST(ParseConfig, AcceptsAnIntegerForANumber) {
  EXPECT_EQ(parse_config(layers + "[topology]\nepsilon = 5\n", "some.toml").topology.epsilon, 5.0);
}

TEST(ParseConfig, NamesTheLineOfAValueThatIsOutOfRange) {
  EXPECT_EQ(
      refusal_of(layers + "[topology]\ndrop_fraction = 1.3\n"),
      "some.toml line 4: drop_fraction is 1.3 (must be in (0, 1); it is the share of connections replaced). "
      "Set topology.drop_fraction.");
  EXPECT_TRUE(says(refusal_of(layers + "[network.sub]\n"), {"unknown key 'sub' in section [network]"}));
  EXPECT_TRUE(
      says(refusal_of(layers + "[optimizer]\nlearning_rate = nan\n"), {"line 4", "learning_rate is nan"}));
}

TEST(ParseConfig, NamesTheTextWhereADefaultIsTheProblem) {
  EXPECT_TRUE(says(refusal_of(""), {"some.toml: layers is []", "Set network.layers"}));
}

TEST(ParseConfig, ReportsAllProblemsInTheOrderOfTheText) {
  EXPECT_EQ(
      refusal_of("[training]\nepochs = 0\n[network]\nlayers = [4, 2]\ndropout = 1.5\n"),
      "some.toml line 2: epochs is 0 (must be 1 or more). Set training.epochs.\n"
      "some.toml line 5: dropout is 1.5 (must be in [0, 1); it is the share of hidden activations set to 0). "
      "Set network.dropout.");
  EXPECT_TRUE(says(
      refusal_of("[training]\nepoch = 3\nseed = \"x\"\n[data]\nsize = 3\n"),
      {"line 2: unknown key", "\nsome.toml line 3: training.seed must", "\nsome.toml line 5: unknown key"}));
}

TEST_F(ReadConfig, NamesTheOverrideWithTheProblem) {
  EXPECT_TRUE(says(refusal_of(layers, {"training.epochs=0"}), {"--set training.epochs=0: epochs is 0"}));
  EXPECT_TRUE(
      says(refusal_of(layers, {"training.epochs=ten"}),
           {"--set training.epochs=ten: training.epochs must be an integer, not the string \"ten\""}));
  EXPECT_TRUE(says(refusal_of(layers, {"training.epoch=3"}),
                   {"--set training.epoch=3: unknown key 'epoch'", "Did you mean 'epochs'?"}));
  EXPECT_TRUE(says(refusal_of(layers, {"trainin.epochs=3"}),
                   {"--set trainin.epochs=3: unknown section [trainin]", "Did you mean 'training'?"}));
}

TEST_F(ReadConfig, RefusesAnOverrideWithoutTheForm) {
  for (const std::string text : {"training.epochs", "epochs=3", ""}) {
    EXPECT_TRUE(
        says(refusal_of(layers, {text}), {"--set " + text + ":", "section.key=value", "for example"}));
  }
}

TEST_F(ReadConfig, AnOverrideIsOneValueOnly) {
  EXPECT_TRUE(says(refusal_of(layers, {"training.epochs=3\nx = 4"}), {"must be an integer, not the string"}));
}

TEST_F(ReadConfig, RefusesAnOverrideThatIsNotUtf8) {
  EXPECT_TRUE(says(refusal_of(layers, {"data.path=/data/\xe9t\xe9"}), {"--set data.path=", "not UTF-8"}));
}

}  // namespace
}  // namespace plexus
