#include "src/support/layer_parts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/rewire/evolve.hpp"
#include "src/support/error.hpp"
#include "src/support/keyed_sample.hpp"
#include "tests/support/layer_slices.hpp"
#include "tests/support/topology_matchers.hpp"

namespace plexus {
namespace {

const std::vector<int> part_counts = {1, 2, 3, 5};

TEST(LayerParts, OnePartAloneKeepsWhatItPasses) {
  std::vector<Offset> values = {3, -1};

  one_part().sum(values);
  one_part().maximum(values);

  EXPECT_EQ(values, (std::vector<Offset>{3, -1}));
  EXPECT_EQ(one_part().exchange({{1, 2}}), (std::vector<std::vector<Offset>>{{1, 2}}));
  EXPECT_EQ(part_begins(one_part(), 7), (std::vector<Offset>{0, 7}));
}

TEST(LayerParts, RanksArePartsInTheirOrder) {
  run_ranks(3, [](DistributedContext& ctx) {
    RankParts parts(ctx);
    const auto rank = static_cast<Offset>(ctx.rank());
    EXPECT_EQ(parts.count(), 3);
    EXPECT_EQ(parts.own(), ctx.rank());

    std::vector<Offset> sums = {rank, 1};
    parts.sum(sums);
    std::vector<Offset> greatest = {rank, -rank};
    parts.maximum(greatest);
    const auto received = parts.exchange({{10 * rank}, {}, {10 * rank + 2, 7}});

    EXPECT_EQ(sums, (std::vector<Offset>{3, 3}));
    EXPECT_EQ(greatest, (std::vector<Offset>{2, 0}));
    for (Offset from = 0; from < 3; ++from) {
      const std::vector<std::vector<Offset>> sent = {{10 * from}, {}, {10 * from + 2, 7}};
      EXPECT_EQ(received.at(static_cast<std::size_t>(from)), sent.at(static_cast<std::size_t>(rank)));
    }
  });
}

TEST(LayerParts, ItemsBelongToThePartsWhoseRangeTheyAreIn) {
  run_ranks(4, [](DistributedContext& ctx) {
    RankParts parts(ctx);
    const std::vector<Offset> items = {0, 5, 0, 2};

    const std::vector<Offset> begins = part_begins(parts, items.at(static_cast<std::size_t>(ctx.rank())));

    EXPECT_EQ(begins, (std::vector<Offset>{0, 0, 5, 5, 7}));
    EXPECT_EQ(part_of(0, begins), 1U);
    EXPECT_EQ(part_of(4, begins), 1U);
    EXPECT_EQ(part_of(5, begins), 3U);
    EXPECT_EQ(part_of(6, begins), 3U);
  });
}

/// The sample as parts with ranges of these sizes take it, put together.
std::vector<Offset> sample_of_parts(const std::vector<Offset>& sizes, Offset count) {
  std::vector<std::vector<Offset>> own(sizes.size());
  run_ranks(static_cast<int>(sizes.size()), [&](DistributedContext& ctx) {
    RankParts parts(ctx);
    const auto part = static_cast<std::size_t>(ctx.rank());
    own[part] = keyed_sample(RandomStream(1, Purpose::growth), parts, sizes[part], count);
  });
  std::vector<Offset> all;
  Offset begin = 0;
  for (std::size_t part = 0; part < sizes.size(); ++part) {
    for (const Offset number : own[part]) {
      EXPECT_TRUE(number >= 0 && number < sizes[part]);
      all.push_back(begin + number);
    }
    begin += sizes[part];
  }
  return all;
}

TEST(SampleOfParts, IsTheOneOfOnePart) {
  for (const Offset size : {10, 3000, 9000, 40000, 300000}) {
    const std::vector<std::vector<Offset>> cuts = {{size},
                                                   {size / 3, size - size / 3},
                                                   {0, size},
                                                   {size, 0, 0},
                                                   {size / 10, 0, size / 2, 0, size - size / 2 - size / 10}};
    for (const double share : {0.0, 0.01, 0.2, 0.34, 0.5, 0.51, 0.9, 1.0}) {
      const auto count = static_cast<Offset>(std::llround(share * static_cast<double>(size)));
      const auto expected = keyed_sample(RandomStream(1, Purpose::growth), size, count);
      for (const auto& sizes : cuts) {
        ASSERT_EQ(sample_of_parts(sizes, count), expected)
            << count << " of " << size << ", " << sizes.size() << " parts";
      }
    }
  }
}

TEST(SampleOfParts, SharesAlsoWhatIsDiscarded) {
  const Offset size = 2'000'001;
  const auto expected = keyed_sample(RandomStream(1, Purpose::growth), size, size / 2);

  EXPECT_EQ(sample_of_parts({700'000, 0, size - 700'000}, size / 2), expected);
}

TEST(SampleOfParts, MoreThanAllNumbersIsAFault) { EXPECT_THROW(sample_of_parts({3, 4}, 8), Fault); }

/// Which cells of a layer are connected and what their weights are like.
struct Kind {
  std::string name;
  Index width;
  double density;
  int levels;    ///< how many magnitudes the weights have; 0 = all differ
  double zeros;  ///< share of the weights that are 0 or -0
  double negatives;
};

const std::vector<Kind> kinds = {
    {"small", 12, 0.4, 0, 0, 0.5},           {"ties", 40, 0.3, 3, 0, 0.4},
    {"signed zeros", 40, 0.2, 20, 0.3, 0.5}, {"all equal", 20, 0.3, 1, 0, 0},
    {"positive", 40, 0.2, 0, 0, 0},          {"dense-ish", 40, 0.93, 0, 0.01, 0.5},
    {"one magnitude", 30, 0.5, 1, 0.1, 0.5}, {"large", 250, 0.35, 0, 0.001, 0.5},
};

class EditsOfParts : public ::testing::Test {
 protected:
  static std::vector<TestLayer> network(const Kind& kind, std::uint64_t seed) {
    const Index w = kind.width;
    std::vector<TestLayer> layers;
    for (const auto& [rows, cols] : std::vector<std::pair<Index, Index>>{
             {w, w / 2 + 1}, {w + 3, w}, {w / 2, w + 3}, {4, w / 2}, {3, 4}}) {
      const std::size_t l = layers.size();
      const RandomStream stream(seed, Purpose::weight, 0, l);
      const auto weight = [&](std::uint64_t i) {
        double magnitude = stream.uniform(i, 0);
        if (kind.levels > 0) magnitude = std::ceil(magnitude * kind.levels) / kind.levels;
        if (stream.uniform(i, 1) < kind.zeros) magnitude = 0;
        return static_cast<Real>(stream.uniform(i, 2) < kind.negatives ? -magnitude : magnitude);
      };
      std::vector<Real> values;
      if (l == 4) {
        for (std::uint64_t i = 0; i < 12; ++i) values.push_back(weight(i));
        layers.emplace_back(rows, cols, std::move(values));
        continue;
      }
      Topology topology = erdos_renyi(rows, cols, kind.density, RandomStream(seed, Purpose::topology, 0, l));
      for (std::uint64_t i = 0; i < topology.col_idxs.size(); ++i) values.push_back(weight(i));
      layers.emplace_back(std::move(topology), std::move(values));
    }
    layers[3].evolves = false;
    return layers;
  }

  /// Random neurons of each hidden layer.
  static RemovedNeurons some_neurons(const std::vector<TestLayer>& layers, double share) {
    RemovedNeurons removed(layers.size() - 1);
    for (std::size_t h = 0; h < removed.size(); ++h) {
      const RandomStream stream(3, Purpose::subset, 0, h);
      for (Index i = 1; i < layers[h].topology.rows; ++i) {
        if (stream.uniform(static_cast<std::uint64_t>(i)) < share) removed[h].push_back(i);
      }
    }
    return removed;
  }

  [[nodiscard]] Evolution evolution(Budget budget, double drop_fraction, std::uint64_t epoch) const {
    return {*set_, *init_, drop_fraction, budget, 7, epoch, true};
  }

  std::unique_ptr<RewireMethod> set_ = RewireMethodRegistry::instance().make("set", "topology.method");
  std::unique_ptr<WeightInit> init_ = WeightInitRegistry::instance().make("he_uniform", "network.init");
};

TEST_F(EditsOfParts, PutTogetherAreThoseOfOnePart) {
  std::uint64_t seed = 0;
  for (const Kind& kind : kinds) {
    const std::vector<TestLayer> layers = network(kind, ++seed);
    for (const double pruned : {0.0, 0.3}) {
      const RemovedNeurons removed = pruned > 0 ? some_neurons(layers, pruned) : RemovedNeurons{};
      for (const Budget budget : {Budget::fixed, Budget::shrink}) {
        const Evolution epoch = evolution(budget, 0.3, seed);
        const EditList expected = evolve(views_of(layers), removed, epoch);
        for (const int parts : part_counts) {
          const auto cuts = random_cuts(layers, parts, seed);
          const auto edits = on_parts<EditList>(layers, cuts, [&](const auto& slices, LayerParts& all) {
            return evolve(views_of(slices), removed, epoch, all);
          });
          for (std::size_t l = 0; l < layers.size(); ++l) {
            std::vector<LayerEdit> of_layer;
            for (const EditList& of_part : edits) of_layer.push_back(of_part.at(l));
            ASSERT_EQ(put_together(of_layer, layers[l], cuts[l]), expected[l])
                << kind.name << ", layer " << l << ", " << parts << " parts, " << pruned << " pruned";
          }
        }
      }
    }
  }
}

TEST_F(EditsOfParts, PutTogetherAreThoseOfOnePartWithLocality) {
  std::uint64_t seed = 0;
  for (const Kind& kind : kinds) {
    const std::vector<TestLayer> layers = network(kind, ++seed);
    const RemovedNeurons removed = some_neurons(layers, 0.2);
    for (const double share : {0.3, 1.0}) {
      for (const Offset blocks : {3, 64}) {
        Evolution epoch = evolution(Budget::fixed, 0.3, seed);
        epoch.locality = {share, blocks};
        const EditList expected = evolve(views_of(layers), removed, epoch);
        for (const int parts : part_counts) {
          const auto cuts = random_cuts(layers, parts, seed);
          const auto edits = on_parts<EditList>(layers, cuts, [&](const auto& slices, LayerParts& all) {
            return evolve(views_of(slices), removed, epoch, all);
          });
          for (std::size_t l = 0; l < layers.size(); ++l) {
            std::vector<LayerEdit> of_layer;
            for (const EditList& of_part : edits) of_layer.push_back(of_part.at(l));
            ASSERT_EQ(put_together(of_layer, layers[l], cuts[l]), expected[l])
                << kind.name << ", layer " << l << ", " << parts << " parts, share " << share;
          }
        }
      }
    }
  }
}

TEST_F(EditsOfParts, SlicesFollowThemAsTheWholeLayerDoes) {
  for (const int parts : part_counts) {
    std::vector<TestLayer> layers = network(kinds.front(), 1);
    auto cuts = random_cuts(layers, parts, 8);
    for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) {
      const RemovedNeurons removed = some_neurons(layers, 0.15);
      const Evolution e = evolution(Budget::fixed, 0.4, epoch);
      const auto slices = on_parts<std::vector<TestLayer>>(layers, cuts, [&](auto own, LayerParts& all) {
        const EditList edits = evolve(views_of(own), removed, e, all);
        for (std::size_t l = 0; l < own.size(); ++l) own[l].follow(edits[l]);
        return own;
      });
      const EditList edits = evolve(views_of(layers), removed, e);
      for (std::size_t l = 0; l < layers.size(); ++l) {
        layers[l].follow(edits[l]);
        cuts[l] = {0};
        for (const auto& own : slices) cuts[l].push_back(cuts[l].back() + own[l].topology.rows);
      }
      for (int part = 0; part < parts; ++part) {
        const std::vector<TestLayer> expected = slices_of(layers, cuts, part);
        for (std::size_t l = 0; l < layers.size(); ++l) {
          const TestLayer& own = slices[static_cast<std::size_t>(part)][l];
          EXPECT_TOPOLOGY_EQ(own.topology, expected[l].topology);
          EXPECT_EQ(own.values, expected[l].values);
          EXPECT_EQ(own.row_ids, expected[l].row_ids);
          EXPECT_EQ(own.col_ids, expected[l].col_ids);
        }
      }
    }
  }
}

TEST_F(EditsOfParts, AWeightThatIsNoNumberIsAFaultForAll) {
  std::vector<TestLayer> layers = network(kinds.front(), 1);
  layers[1].values.back() = std::nanf("");

  run_ranks(3, [&](DistributedContext& ctx) {
    RankParts parts(ctx);
    const std::vector<TestLayer> slices = slices_of(layers, random_cuts(layers, 3, 1), ctx.rank());
    EXPECT_THROW(static_cast<void>(evolve(views_of(slices), {}, evolution(Budget::fixed, 0.3, 1), parts)),
                 Fault);
  });
}

}  // namespace
}  // namespace plexus
