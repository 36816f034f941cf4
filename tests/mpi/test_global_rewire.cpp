#include "mpi/global_rewire.hpp"

#include <gtest/gtest.h>

#include <string>

#include "src/nn/first_layers.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

ExperimentConfig small_config() {
  ExperimentConfig config;
  config.network.layers = {10, 12, 14, 4};
  config.topology.density = 0.4;
  return config;
}

TEST(GlobalRewire, EditsDoNotDependOnTheNumberOfRanks) {
  const ExperimentConfig config = small_config();
  Network network(config.network, first_layers(config));
  std::vector<LayerView> views;
  for (std::size_t l = 0; l < network.depth(); ++l) views.push_back(network.layer(l).view(true));
  const auto method = RewireMethodRegistry::instance().make("set", "key");
  const auto init = WeightInitRegistry::instance().make("he_uniform", "key");
  const Evolution evolution{*method, *init, 0.3, Budget::fixed, 1, 2};
  const RemovedNeurons removed = {{1, 5}, {0}};
  const EditList expected = evolve(views, removed, evolution);

  for (const int ranks : {1, 2, 3, 5}) {
    run_ranks(ranks, [&](DistributedContext& ctx) {
      EXPECT_EQ(agree_on_edits(ctx, views, removed, evolution), expected) << ranks << " ranks";
    });
  }
}

TEST(GlobalRewire, OneFlippedBitIsReportedWithItsRankAndLayer) {
  const ExperimentConfig config = small_config();

  std::string message;
  try {
    run_ranks(3, [&](DistributedContext& ctx) {
      auto layers = first_layers(config);
      if (ctx.rank() == 1) layers[2].values[5] = std::nextafter(layers[2].values[5], Real{1});
      Network network(config.network, std::move(layers));
      check_replicas(ctx, network);
    });
  } catch (const Error& error) {
    message = error.what();
  }

  EXPECT_NE(message.find("layer 3"), std::string::npos) << message;
  EXPECT_NE(message.find("rank 1"), std::string::npos) << message;
}

TEST(GlobalRewire, EqualReplicasPass) {
  const ExperimentConfig config = small_config();

  run_ranks(3, [&](DistributedContext& ctx) {
    Network network(config.network, first_layers(config));
    EXPECT_NO_THROW(check_replicas(ctx, network));
  });
}

}  // namespace
}  // namespace plexus
