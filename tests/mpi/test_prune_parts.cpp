#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/prune/neuron_pruner.hpp"
#include "tests/support/layer_slices.hpp"
#include "tests/support/topology_matchers.hpp"

namespace plexus {
namespace {

using Strengths = std::vector<std::pair<std::int64_t, std::int64_t>>;

Strengths pairs_of(const std::vector<NeuronStrength>& strengths) {
  Strengths pairs;
  for (const NeuronStrength& strength : strengths) pairs.emplace_back(strength.in, strength.out);
  return pairs;
}

/// Layers of these sizes, inputs first. Weights have few magnitudes, so that neurons are equally important.
/// @param dense  the number of the layer that is dense; -1 = none
std::vector<TestLayer> network(const std::vector<Index>& sizes, double density, std::uint64_t seed,
                               int dense = -1) {
  std::vector<TestLayer> layers;
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    const RandomStream stream(seed, Purpose::weight, 0, l);
    const auto weights = [&](std::size_t count) {
      std::vector<Real> values;
      for (std::uint64_t i = 0; i < count; ++i) {
        const double w = std::ceil(stream.uniform(i) * 4) / 4;
        values.push_back(static_cast<Real>(stream.uniform(i, 1) < 0.5 ? w : -w));
      }
      return values;
    };
    if (static_cast<int>(l) == dense) {
      layers.emplace_back(sizes[l + 1], sizes[l], weights(static_cast<std::size_t>(sizes[l + 1] * sizes[l])));
      continue;
    }
    Topology topology =
        erdos_renyi(sizes[l + 1], sizes[l], density, RandomStream(seed, Purpose::topology, 0, l));
    std::vector<Real> values = weights(topology.col_idxs.size());
    layers.emplace_back(std::move(topology), std::move(values));
  }
  return layers;
}

const std::vector<int> part_counts = {1, 2, 3, 5};

TEST(StrengthsOfParts, AreThoseOfOnePart) {
  for (const int dense : {-1, 0, 1}) {
    const std::vector<TestLayer> layers = network({30, 40, 20}, 0.3, 1, dense);
    const Strengths expected = pairs_of(neuron_strengths(layers[0].view(), layers[1].view()));
    for (const int parts : part_counts) {
      const auto strengths =
          on_parts<Strengths>(layers, random_cuts(layers, parts, 2), [](const auto& slices, LayerParts& all) {
            return pairs_of(neuron_strengths(slices[0].view(), slices[1].view(), all));
          });
      for (const Strengths& of_part : strengths) EXPECT_EQ(of_part, expected) << parts << " parts";
    }
  }
}

TEST(StrengthsOfParts, StopAtTheLargestInteger) {
  // In units of 2^-40 a weight of 2^21 is 2^61: three of them fit, and so do three and one that is smaller.
  const Real large = 0x1.0p21;
  const Real infinite = std::numeric_limits<Real>::infinity();
  const std::vector<TestLayer> layers = {
      TestLayer(topology_of({"x", "x", "x", "x"}), {large, infinite, 1, 0}),
      TestLayer(
          topology_of({"xxxx", "xxxx", "xxxx", "xx.x"}),
          {large, large, large, infinite, -large, large, large, 1, large, -large, large, 1, large, 0.25, 1})};
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::int64_t one = std::int64_t{1} << 40;
  const Strengths expected = {
      {one << 21, most}, {most, 3 * (one << 21) + one / 4}, {one, 3 * (one << 21)}, {0, most}};

  EXPECT_EQ(pairs_of(neuron_strengths(layers[0].view(), layers[1].view())), expected);
  for (const auto& cuts : std::vector<std::vector<Index>>{{0, 2, 4}, {0, 1, 2, 3, 4}, {0, 0, 3, 4}}) {
    const auto strengths = on_parts<Strengths>(layers, {cuts, cuts}, [](const auto& slices, LayerParts& all) {
      return pairs_of(neuron_strengths(slices[0].view(), slices[1].view(), all));
    });
    for (const Strengths& of_part : strengths) EXPECT_EQ(of_part, expected);
  }
}

/// Expects all parts to choose the neurons that one part alone chooses. @return how many those are
std::size_t expect_same_neurons(const std::vector<TestLayer>& layers, const NeuronPruner& pruner,
                                std::int64_t epoch, const std::string& what) {
  const RemovedNeurons expected = pruner.removed(views_of(layers), epoch);
  for (const int parts : part_counts) {
    const auto removed = on_parts<RemovedNeurons>(
        layers, random_cuts(layers, parts, 5),
        [&](const auto& slices, LayerParts& all) { return pruner.removed(views_of(slices), epoch, all); });
    for (const RemovedNeurons& of_part : removed) EXPECT_EQ(of_part, expected) << what << ", " << parts;
  }
  std::size_t count = 0;
  for (const auto& of_layer : expected) count += of_layer.size();
  return count;
}

NeuronPruningConfig pruning(double target, const std::string& criterion) {
  NeuronPruningConfig config;
  config.target = target;
  config.start = 0.1;
  config.end = 0.3;
  config.criterion = criterion;
  config.floor = 0;
  return config;
}

TEST(NeuronsOfParts, AreTheLeastImportantOnes) {
  for (const std::string criterion : {"in", "out", "in+out", "in*out"}) {
    const NeuronPruner pruner(pruning(0.6, criterion), 10, 3);
    const std::vector<TestLayer> layers = network({20, 40, 30, 25, 10}, 0.4, 1, 2);

    EXPECT_GT(expect_same_neurons(layers, pruner, 1, criterion), 20U);
  }
}

TEST(NeuronsOfParts, CascadeAsInOnePart) {
  std::size_t removed = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    for (const Index floor : {1, 6, 12}) {
      const NeuronPruner pruner(pruning(0.1, "in+out"), 10, floor);
      removed += expect_same_neurons(network({15, 20, 25, 20, 10}, 0.07, seed), pruner, 3, "sparse");
      removed +=
          expect_same_neurons(network({15, 20, 25, 20, 10}, 0.07, seed, 2), pruner, 5, "with a dense layer");
    }
  }
  EXPECT_GT(removed, 1000U);
}

TEST(NeuronsOfParts, AreNoneWithoutHiddenLayers) {
  const NeuronPruner pruner(pruning(0.5, "out"), 10, 1);

  EXPECT_EQ(expect_same_neurons(network({15, 10}, 0.2, 1), pruner, 3, "one layer"), 0U);
}

}  // namespace
}  // namespace plexus
