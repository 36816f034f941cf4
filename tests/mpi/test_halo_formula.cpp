#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/rank_parts.hpp"
#include "src/nn/first_layers.hpp"
#include "src/nn/network.hpp"
#include "src/plan/grid_cost.hpp"
#include "src/support/parallel.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

/// Bytes that all parts together get from each other in a step of 32 samples.
std::int64_t bytes_of_a_step(const ExperimentConfig& config, int count) {
  std::int64_t bytes = 0;
  run_ranks(count, [&](DistributedContext& ctx) {
    RankParts parts(ctx);
    LevelCuts cuts;
    for (const Offset neurons : config.network.layers)
      cuts.push_back(even_cuts(static_cast<Index>(neurons), count));
    std::vector<RowRange> rows;
    const auto part = static_cast<std::size_t>(ctx.rank());
    for (std::size_t l = 0; l + 1 < cuts.size(); ++l)
      rows.push_back({cuts[l + 1][part], cuts[l + 1][part + 1]});
    Network network(config.network, first_slices(config, rows), parts, cuts);
    Dataset data;
    data.features_per_sample = static_cast<Index>(config.network.layers.front());
    data.classes = static_cast<Index>(config.network.layers.back());
    data.features.assign(static_cast<std::size_t>(shard_samples * data.features_per_sample), 0.5F);
    data.labels.assign(static_cast<std::size_t>(shard_samples), 0);
    std::vector<std::int64_t> ids(static_cast<std::size_t>(shard_samples));
    Batch batch;
    network.gather(batch, data, ids);
    network.forward(batch, Network::DropoutKey{1, 0});
    static_cast<void>(network.loss_and_delta(batch, 1.0));
    for (std::size_t l = network.depth(); l-- > 0;) {
      std::vector<std::int64_t> gradient(static_cast<std::size_t>(network.layer(l).parameters()));
      network.backward(l, batch, ExactGradient{1.0, gradient.data()}, [] {});
    }
    const std::int64_t all = sum(ctx, network.take_traffic().halo);
    if (ctx.rank() == 0) bytes = all;
  });
  return bytes;
}

TEST(HaloFormula, HoldsOnRandomTopologies) {
  for (const double epsilon : {1.0, 3.0, 20.0}) {
    for (const int parts : {2, 4, 8}) {
      ExperimentConfig config;
      config.network.layers = {2000, 3000, 1500, 2500, 16};
      config.topology.epsilon = epsilon;
      const std::vector<LayerPlan> plans = plan_layers(config);
      double values = 0;
      for (std::size_t l = 0; l < plans.size(); ++l) {
        LayerPlan transposed = plans[l];
        std::swap(transposed.rows, transposed.cols);
        if (l > 0) values += halo_values(plans[l], parts, 0);
        if (l + 1 < plans.size()) values += halo_values(transposed, parts, 0);
      }
      // All parts hold all outputs, for the loss.
      values += static_cast<double>(plans.back().rows) * (parts - 1) / parts;
      const double expected = values * parts * shard_samples * sizeof(Real);

      const auto found = static_cast<double>(bytes_of_a_step(config, parts));

      EXPECT_NEAR(found / expected, 1, 0.05) << "epsilon " << epsilon << ", " << parts << " parts";
    }
  }
}

}  // namespace
}  // namespace plexus
