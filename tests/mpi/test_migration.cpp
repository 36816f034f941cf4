#include "mpi/migration.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/model_snapshot_serialization.hpp"
#include "mpi/rank_parts.hpp"
#include "src/nn/first_layers.hpp"
#include "src/state/layer_slices.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

ExperimentConfig config_of_test() {
  ExperimentConfig config;
  config.network.layers = {30, 40, 35, 6};
  config.topology.density = 0.2;
  return config;
}

/// The layers that the parts hold, put together.
std::vector<LayerSnapshot> whole(DistributedContext& ctx, Network& network) {
  std::vector<LayerSnapshot> layers;
  std::vector<NeuronId> col_ids = network.layer(0).col_ids();
  for (std::size_t l = 0; l < network.depth(); ++l) {
    layers.push_back(joined(gather_all(ctx, network.slice(l).global_state(col_ids))));
    col_ids = layers.back().row_ids;
  }
  return layers;
}

TEST(Migration, MovesEverythingAndLosesNothing) {
  const ExperimentConfig config = config_of_test();
  std::vector<LayerSnapshot> layers = first_layers(config);
  for (LayerSnapshot& layer : layers) {
    for (std::size_t i = 0; i < layer.values.size(); ++i) layer.value_states.at(0)[i] = static_cast<Real>(i);
    for (std::size_t i = 0; i < layer.biases.size(); ++i) layer.bias_states.at(0)[i] = static_cast<Real>(i);
  }
  const LevelCuts lopsided = {{0, 30, 30, 30}, {0, 1, 39, 40}, {0, 20, 20, 35}, {0, 0, 0, 6}};
  run_ranks(3, [&](DistributedContext& ctx) {
    RankParts parts(ctx);
    const auto part = static_cast<std::size_t>(ctx.rank());
    std::vector<LayerSnapshot> slices;
    for (std::size_t l = 0; l < layers.size(); ++l)
      slices.push_back(slice_of(layers[l], lopsided[l + 1][part], lopsided[l + 1][part + 1]));
    Network network(config.network, slices, parts, lopsided);

    const LevelCuts cuts = balanced_level_cuts(parts, network);
    migrate(ctx, network, cuts);

    EXPECT_EQ(network.cuts(), cuts);
    EXPECT_EQ(balanced_level_cuts(parts, network), cuts) << "it is balanced now";
    EXPECT_TRUE(whole(ctx, network) == layers);
    std::int64_t work = 0;
    for (std::size_t l = 0; l < network.depth(); ++l) work += network.slice(l).work();
    EXPECT_LT(static_cast<double>(largest(ctx, work)),
              most_imbalance * static_cast<double>(sum(ctx, work)) / 3);
  });
}

}  // namespace
}  // namespace plexus
