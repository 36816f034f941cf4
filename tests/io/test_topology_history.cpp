#include "io/topology_history.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "src/support/error.hpp"
#include "tests/io/run_fixtures.hpp"

namespace plexus {
namespace {

class TopologyHistory : public ::testing::Test {
 protected:
  TopologyHistory() { std::filesystem::create_directories(run.topologies()); }

  /// Runs `epochs` epochs and writes a record of each, with a base every `base_every` epochs.
  /// @return the pattern of each layer and epoch.
  std::map<std::pair<std::size_t, std::int64_t>, Topology> evolve(std::int64_t epochs,
                                                                  std::int64_t base_every) {
    std::map<std::pair<std::size_t, std::int64_t>, Topology> patterns;
    EvolvingNetwork network({5, 9, 7, 3});
    write_topology_record(run, network.first_record(), "0.1.0");
    for (std::int64_t epoch = 0; epoch <= epochs; ++epoch) {
      if (epoch > 0) write_topology_record(run, network.evolve(epoch % base_every == 0), "0.1.0");
      for (std::size_t layer = 0; layer < network.layers(); ++layer)
        patterns[{layer, epoch}] = network.pattern(layer);
    }
    return patterns;
  }

  TempDir folder;
  RunFiles run{folder.path()};
};

TEST_F(TopologyHistory, GivesBackWhatWasWritten) {
  EvolvingNetwork network({4, 6, 3});
  TopologyRecord written = network.evolve(true);
  written.layers[1].base.reset();

  write_topology_record(run, written, "0.1.0");

  const TopologyRecord found = read_topology_record(run.topology(1));
  EXPECT_EQ(found.epoch, 1);
  ASSERT_EQ(found.layers.size(), written.layers.size());
  for (std::size_t i = 0; i < found.layers.size(); ++i) {
    EXPECT_TRUE(found.layers[i] == written.layers[i]) << "layer " << i;
  }
}

TEST_F(TopologyHistory, RebuildsEveryEpochOfEveryLayer) {
  const auto patterns = evolve(11, 4);

  for (const auto& [key, pattern] : patterns) {
    EXPECT_EQ(topology_at(run, key.first, key.second), pattern)
        << "layer " << key.first << ", epoch " << key.second;
  }
}

TEST_F(TopologyHistory, EditsAreReplayedFromTheNewestBaseOnly) {
  const auto patterns = evolve(6, 4);
  for (const std::int64_t epoch : {0, 1, 2, 3}) std::filesystem::remove(run.topology(epoch));

  EXPECT_EQ(topology_at(run, 0, 6), patterns.at({0, 6}));
}

TEST_F(TopologyHistory, AMissingEpochIsNamed) {
  evolve(3, 100);
  std::filesystem::remove(run.topology(2));

  const std::string message = message_of<InputError>([&] { (void)topology_at(run, 0, 3); });

  EXPECT_NE(message.find("e000002.h5'"), std::string::npos) << message;
}

TEST_F(TopologyHistory, AfterAHoleThePatternIsUnknownUntilTheNextBase) {
  EvolvingNetwork network({5, 6, 3});
  write_topology_record(run, network.first_record(), "0.1.0");
  (void)network.evolve(false);  // epoch 1 could not be written
  write_topology_record(run, network.evolve(false), "0.1.0");
  write_topology_record(run, network.evolve(true), "0.1.0");

  EXPECT_NE(message_of<InputError>([&] { (void)topology_at(run, 0, 2); }).find("is not known"),
            std::string::npos);
  EXPECT_EQ(topology_at(run, 0, 3), network.pattern(0));
}

TEST_F(TopologyHistory, AnEditThatDoesNotLeadToTheStoredPatternIsDamage) {
  EvolvingNetwork network({5, 6, 3});
  write_topology_record(run, network.first_record(), "0.1.0");
  TopologyRecord record = network.evolve(false);
  ASSERT_FALSE(record.layers[0].dropped.empty());
  record.layers[0].dropped.pop_back();
  write_topology_record(run, record, "0.1.0");

  const std::string message = message_of<InputError>([&] { (void)topology_at(run, 0, 1); });

  EXPECT_NE(message.find("is damaged"), std::string::npos) << message;
  EXPECT_EQ(topology_at(run, 1, 1), network.pattern(1)) << "the other layer is intact";
}

TEST_F(TopologyHistory, ADenseLayerHasNoPattern) {
  LayerHistory dense;
  dense.original_rows = 2;
  dense.original_cols = 3;
  dense.connections = 6;
  write_topology_record(run, {0, {dense}}, "0.1.0");

  EXPECT_NE(message_of<InputError>([&] { (void)topology_at(run, 0, 0); }).find("the layer is dense"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { (void)topology_at(run, 1, 0); }).find("it has no layer 1"),
            std::string::npos);
}

TEST_F(TopologyHistory, AFlippedBitIsDetected) {
  evolve(1, 1);
  const auto path = run.topology(1);
  std::string content = content_of(path);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 4);
  write_content(path, content);

  EXPECT_NE(message_of<InputError>([&] { (void)read_topology_record(path); }).find("is damaged"),
            std::string::npos);
}

}  // namespace
}  // namespace plexus
