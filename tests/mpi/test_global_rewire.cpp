#include "mpi/global_rewire.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/nn/first_layers.hpp"
#include "tests/support/layer_slices.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

ExperimentConfig small_config() {
  ExperimentConfig config;
  config.network.layers = {10, 12, 14, 4};
  config.topology.density = 0.4;
  return config;
}

/// A rewiring of a small network that also prunes neurons, and the edits that one rank makes for it.
struct SmallRewiring {
  const ExperimentConfig config = small_config();
  Network network{config.network, first_layers(config)};
  std::vector<LayerView> views = views_of(network);
  const std::unique_ptr<RewireMethod> method = RewireMethodRegistry::instance().make("set", "key");
  const std::unique_ptr<WeightInit> init = WeightInitRegistry::instance().make("he_uniform", "key");
  const Evolution evolution{*method, *init, 0.3, Budget::fixed, 1, 2};
  const RemovedNeurons removed = {{1, 5}, {0}};
  const EditList expected = evolve(views, removed, evolution);

  static std::vector<LayerView> views_of(Network& network) {
    std::vector<LayerView> views;
    for (std::size_t l = 0; l < network.depth(); ++l) views.push_back(network.layer(l).view(true));
    return views;
  }
};

TEST(GlobalRewire, EditsDoNotDependOnTheNumberOfRanks) {
  const SmallRewiring small;

  for (const int ranks : {1, 2, 3, 5}) {
    run_ranks(ranks, [&](DistributedContext& ctx) {
      EXPECT_EQ(agree_on_edits(ctx, 0, small.views, small.removed, small.evolution), small.expected)
          << ranks << " ranks";
    });
  }
}

TEST(GlobalRewire, EditsOfALayerDoNotDependOnThoseMadeWithIt) {
  const SmallRewiring small;

  for (const std::size_t together : {1, 2}) {
    run_ranks(2, [&](DistributedContext& ctx) {
      EditList edits;
      for (std::size_t first = 0; first < small.views.size(); first += together) {
        const std::size_t count = std::min(together, small.views.size() - first);
        const auto some = std::span(small.views).subspan(first, count);
        for (LayerEdit& edit : agree_on_edits(ctx, first, some, small.removed, small.evolution))
          edits.push_back(std::move(edit));
      }
      EXPECT_EQ(edits, small.expected) << together << " layers together";
    });
  }
}

TEST(GlobalRewire, LayersAreEditedTogetherWhileTheyAreSmall) {
  using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;
  const auto ranges = [](const std::vector<Offset>& connections) {
    Ranges found;
    for (const LayerRange range : edited_together(connections, 10))
      found.emplace_back(range.begin, range.end);
    return found;
  };

  EXPECT_EQ(ranges({}), Ranges{});
  EXPECT_EQ(ranges({3, 3, 4}), (Ranges{{0, 3}}));
  EXPECT_EQ(ranges({3, 3, 5, 6, 4, 1}), (Ranges{{0, 2}, {2, 3}, {3, 5}, {5, 6}}));
  EXPECT_EQ(ranges({50, 3, 70, 80}), (Ranges{{0, 1}, {1, 2}, {2, 3}, {3, 4}})) << "one layer at least";
}

TEST(GlobalRewire, EditsDoNotDependOnTheGrid) {
  std::vector<TestLayer> layers;
  for (const auto& [rows, cols] : std::vector<std::pair<Index, Index>>{{12, 10}, {14, 12}, {4, 14}}) {
    const RandomStream stream(1, Purpose::weight, 0, layers.size());
    Topology topology = erdos_renyi(rows, cols, 0.5, stream);
    std::vector<Real> values;
    for (std::uint64_t i = 0; i < topology.col_idxs.size(); ++i) {
      values.push_back(static_cast<Real>(stream.normal(i, 1)));
    }
    layers.emplace_back(std::move(topology), std::move(values));
  }
  const auto method = RewireMethodRegistry::instance().make("set", "key");
  const auto init = WeightInitRegistry::instance().make("he_uniform", "key");
  const Evolution evolution{*method, *init, 0.3, Budget::fixed, 1, 2};
  const RemovedNeurons removed = {{1, 5}, {0}};
  const EditList expected = evolve(views_of(layers), removed, evolution);

  for (const auto& [groups, parts] : std::vector<std::pair<int, int>>{{2, 1}, {1, 3}, {2, 2}, {2, 3}}) {
    const auto cuts = random_cuts(layers, parts, 4);
    std::vector<EditList> edits(static_cast<std::size_t>(groups * parts));
    run_ranks(groups * parts, [&](DistributedContext& ctx) {
      const int part = ctx.rank() % parts;
      const auto group = ctx.split(ctx.rank() / parts);
      const auto same_part = ctx.split(part);
      const std::vector<TestLayer> slices = slices_of(layers, cuts, part);
      RankParts all(*group);
      edits[static_cast<std::size_t>(ctx.rank())] =
          agree_on_edits(*same_part, 0, views_of(slices), removed, evolution, all);
    });

    for (int group = 0; group < groups; ++group) {
      for (std::size_t l = 0; l < layers.size(); ++l) {
        std::vector<LayerEdit> of_layer;
        for (int part = 0; part < parts; ++part) {
          of_layer.push_back(edits[static_cast<std::size_t>(group * parts + part)].at(l));
        }
        EXPECT_EQ(put_together(of_layer, layers[l], cuts[l]), expected[l]) << groups << " x " << parts;
      }
    }
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
