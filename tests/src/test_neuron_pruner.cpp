#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/init/weight_init.hpp"
#include "src/prune/neuron_pruner.hpp"
#include "src/rewire/evolve.hpp"
#include "src/support/error.hpp"
#include "tests/support/test_layer.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

NeuronPruningConfig pruning(double target, double start, double end, std::string criterion = "out") {
  NeuronPruningConfig config;
  config.target = target;
  config.start = start;
  config.end = end;
  config.criterion = std::move(criterion);
  config.floor = 0.0;
  return config;
}

/// One hidden layer of 4 neurons, 2 inputs, 2 outputs, all cells connected.
/// in: 1 4 2 3, out: 4 1 2 3, in + out: 5 5 4 6, in * out: 4 4 4 9.
std::vector<TestLayer> four_hidden_neurons() {
  return {TestLayer(topology_of({"xx", "xx", "xx", "xx"}), {1, 0, 2, -2, -1, 1, 0, 3}),
          TestLayer(topology_of({"xxxx", "xxxx"}), {-3, 1, 1, 0, 1, 0, 1, -3})};
}

std::vector<Index> removed_at_once(const std::vector<TestLayer>& layers, double target,
                                   const std::string& criterion) {
  const NeuronPruner pruner(pruning(target, 0.1, 0.1, criterion), 10, 1);
  return pruner.removed(views_of(layers), 1).at(0);
}

TEST(PruneSchedule, SharesAddUpToTheTarget) {
  NeuronPruningConfig config = pruning(0.5, 0.1, 0.6);
  config.every = 2;

  const PruneSchedule schedule = prune_schedule(config, 20);

  EXPECT_EQ(schedule.first, 2);
  EXPECT_EQ(schedule.last, 12);
  std::vector<std::int64_t> prunings;
  for (std::int64_t epoch = 0; epoch <= 20; ++epoch) {
    if (schedule.prunes_at(epoch)) prunings.push_back(epoch);
  }
  EXPECT_EQ(prunings, (std::vector<std::int64_t>{2, 4, 6, 8, 10, 12}));
  EXPECT_NEAR(std::pow(1 - schedule.share, 6), 0.5, 1e-12);
}

TEST(PruneSchedule, RoundsUpTheShareOfTheEpochsAsWritten) {
  EXPECT_EQ(prune_schedule(pruning(0.5, 0.07, 0.55), 100).first, 7);
  EXPECT_EQ(prune_schedule(pruning(0.5, 0.07, 0.55), 100).last, 55);
  EXPECT_EQ(prune_schedule(pruning(0.5, 0.071, 0.55), 100).first, 8);
}

TEST(PruneSchedule, StartsAtTheFirstEpochAtTheEarliest) {
  const PruneSchedule schedule = prune_schedule(pruning(0.5, 0.0, 0.2), 10);

  EXPECT_EQ(schedule.first, 1);
  EXPECT_EQ(schedule.last, 2);
  EXPECT_NEAR(std::pow(1 - schedule.share, 2), 0.5, 1e-12);
}

TEST(PruneSchedule, EndsWithTheLastRewiring) {
  const PruneSchedule schedule = prune_schedule(pruning(0.5, 0.5, 1.0), 10);

  EXPECT_EQ(schedule.last, 9);
}

TEST(PruneSchedule, CountsFromTheOriginalSizeSoThatRoundingDoesNotAddUp) {
  const PruneSchedule schedule = prune_schedule(pruning(0.5, 0.0, 1.0), 201);  // 200 prunings of 0.35 % each

  EXPECT_NEAR(schedule.alive_share_at(1), std::pow(0.5, 1.0 / 200), 1e-12);
  EXPECT_NEAR(schedule.alive_share_at(100), std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(schedule.alive_share_at(200), 0.5, 1e-12);
}

TEST(NeuronCriterion, KnowsTheseNames) {
  EXPECT_EQ(NeuronCriterionRegistry::instance().names(),
            (std::vector<std::string>{"in", "in*out", "in+out", "out"}));
  EXPECT_THROW(NeuronPruner(pruning(0.5, 0.1, 0.6, "inout"), 10, 1), InputError);
}

TEST(NeuronCriterion, AProductOfTheLargestStrengthsFits) {
  const auto product = NeuronCriterionRegistry::instance().make("in*out", "");
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();

  EXPECT_GT(product->importance({most, most}), product->importance({most, most - 1}));
}

TEST(NeuronStrength, SumsTheMagnitudesOfBothSides) {
  const std::vector<TestLayer> layers = four_hidden_neurons();

  const auto strengths = neuron_strengths(layers[0].view(), layers[1].view());

  const std::int64_t one = std::int64_t{1} << 40;
  const std::vector<std::pair<int, int>> expected = {{1, 4}, {4, 1}, {2, 2}, {3, 3}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(strengths[i].in, expected[i].first * one) << i;
    EXPECT_EQ(strengths[i].out, expected[i].second * one) << i;
  }
}

TEST(NeuronStrength, StopsAtTheLargestInteger) {
  const TestLayer before(topology_of({"xxx", "xx."}),
                         {Real{8e6}, Real{8e6}, 1, std::numeric_limits<Real>::infinity(), 1});
  const TestLayer after(topology_of({"xx"}), {Real{0.5}, 0});

  const auto strengths = neuron_strengths(before.view(), after.view());

  EXPECT_EQ(strengths[0].in, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(strengths[1].in, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(strengths[0].out, std::int64_t{1} << 39);
}

TEST(NeuronStrength, ADenseLayerCountsLikeAFullSparseOne) {
  const std::vector<TestLayer> sparse = four_hidden_neurons();
  const TestLayer dense_before(4, 2, sparse[0].values);
  const TestLayer dense_after(2, 4, sparse[1].values);

  const auto expected = neuron_strengths(sparse[0].view(), sparse[1].view());
  const auto strengths = neuron_strengths(dense_before.view(), dense_after.view());

  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(strengths[i].in, expected[i].in);
    EXPECT_EQ(strengths[i].out, expected[i].out);
  }
}

/// Layers so large that threads share them; the last one dense.
std::vector<TestLayer> large_layers() {
  const auto init = WeightInitRegistry::instance().make("he_uniform", "");
  std::vector<TestLayer> layers;
  for (const auto& [rows, cols] : std::vector<std::pair<Index, Index>>{{200, 300}, {250, 200}}) {
    const std::size_t l = layers.size();
    Topology topology = erdos_renyi(rows, cols, 0.8, RandomStream(1, Purpose::topology, 0, l));
    std::vector<Real> values = first_values(*init, RandomStream(1, Purpose::weight, 0, l), topology);
    layers.emplace_back(std::move(topology), std::move(values));
  }
  layers.emplace_back(200, 250, first_dense_values(*init, RandomStream(1, Purpose::weight, 0, 2), 200, 250));
  return layers;
}

TEST(NeuronStrength, TheNumberOfThreadsChangesNothing) {
  const std::vector<TestLayer> layers = large_layers();
  for (std::size_t h = 0; h < 2; ++h) {
    std::vector<std::int64_t> in(static_cast<std::size_t>(layers[h].topology.rows), 0);
    for (Index row = 0; row < layers[h].topology.rows; ++row) {
      for (Offset p = layers[h].topology.row_ptrs[row]; p < layers[h].topology.row_ptrs[row + 1]; ++p) {
        in[row] += static_cast<std::int64_t>(std::abs(static_cast<double>(layers[h].values[p])) * 0x1.0p40);
      }
    }
    const auto expected = neuron_strengths(layers[h].view(), layers[h + 1].view());

    for (const int threads : thread_counts) {
      const auto strengths =
          with_threads(threads, [&] { return neuron_strengths(layers[h].view(), layers[h + 1].view()); });
      for (std::size_t i = 0; i < in.size(); ++i) {
        ASSERT_EQ(strengths[i].in, in[i]) << threads;
        ASSERT_EQ(strengths[i].out, expected[i].out) << threads;
      }
    }
  }
}

TEST(NeuronPruner, TheNumberOfThreadsChangesNothing) {
  const std::vector<TestLayer> layers = large_layers();
  const NeuronPruner pruner(pruning(0.4, 0.1, 0.1, "in*out"), 10, 1);

  for (const int threads : thread_counts) {
    EXPECT_EQ(with_threads(threads, [&] { return pruner.removed(views_of(layers), 1); }),
              pruner.removed(views_of(layers), 1))
        << threads;
  }
}

TEST(NeuronPruner, TakesTheLeastImportantByEachCriterion) {
  const std::vector<TestLayer> layers = four_hidden_neurons();

  EXPECT_EQ(removed_at_once(layers, 0.5, "in"), (std::vector<Index>{0, 2}));
  EXPECT_EQ(removed_at_once(layers, 0.5, "out"), (std::vector<Index>{1, 2}));
  EXPECT_EQ(removed_at_once(layers, 0.5, "in+out"),
            (std::vector<Index>{0, 2}));  // 2, then the first of 0 and 1
  EXPECT_EQ(removed_at_once(layers, 0.5, "in*out"),
            (std::vector<Index>{0, 1}));  // first two of three equal ones
}

TEST(NeuronPruner, DoesNothingOutsideItsWindowOrWithoutATarget) {
  const std::vector<TestLayer> layers = four_hidden_neurons();
  const NeuronPruner pruner(pruning(0.5, 0.5, 0.6), 10, 1);
  const NeuronPruner off(pruning(0.0, 0.1, 0.6), 10, 1);

  EXPECT_FALSE(pruner.acts_at(4));
  EXPECT_TRUE(pruner.removed(views_of(layers), 4).empty());
  EXPECT_TRUE(pruner.acts_at(5));
  for (std::int64_t epoch = 1; epoch <= 10; ++epoch) EXPECT_FALSE(off.acts_at(epoch));
  EXPECT_TRUE(off.removed(views_of(layers), 1).empty());
}

TEST(NeuronPruner, KeepsAsManyNeuronsAsTheFloorAndTheClassesAsk) {
  const std::vector<TestLayer> layers = four_hidden_neurons();
  NeuronPruningConfig config = pruning(0.99, 0.1, 0.1);
  const auto removed = [&](double floor, Index classes) {
    config.floor = floor;
    return NeuronPruner(config, 10, classes).removed(views_of(layers), 1).at(0).size();
  };

  EXPECT_EQ(removed(0.0, 1), 3U);
  EXPECT_EQ(removed(0.0, 2), 2U);
  EXPECT_EQ(removed(0.6, 1), 1U);  // ceil(0.6 * 4) = 3 stay
  EXPECT_EQ(removed(0.0, 5), 0U);
}

TEST(NeuronPruner, TheFloorIsAShareOfTheOriginalSize) {
  std::vector<TestLayer> layers = four_hidden_neurons();
  layers[0].original_rows = 6;
  NeuronPruningConfig config = pruning(0.99, 0.1, 0.1);
  config.floor = 0.5;

  EXPECT_EQ(NeuronPruner(config, 10, 1).removed(views_of(layers), 1).at(0).size(), 1U);
}

/// Inputs a b, hidden layers 0 1 2 and 0 1 2, outputs p q. Neuron 0 of the first hidden layer has no input,
/// which leaves 0 of the second without input, too. Neuron 1 of the second has no output; 1 of the first
/// feeds only that.
std::vector<TestLayer> chain() {
  return {TestLayer(topology_of({"..", "x.", "xx"}), {1, 1, 1}),
          TestLayer(topology_of({"x..", ".xx", "..x"}), {1, 1, 1, 1}),
          TestLayer(topology_of({"x.x", "..x"}), {1, 1, 1})};
}

TEST(NeuronPruner, CascadesFromTheLastPruningOn) {
  const std::vector<TestLayer> layers = chain();
  const NeuronPruner pruner(pruning(0.01, 0.1, 0.3), 10, 1);  // its share of 3 neurons rounds to 0

  EXPECT_EQ(pruner.removed(views_of(layers), 2), (RemovedNeurons{{}, {}}));
  EXPECT_EQ(pruner.removed(views_of(layers), 3), (RemovedNeurons{{0, 1}, {0, 1}}));
  EXPECT_EQ(pruner.removed(views_of(layers), 7), (RemovedNeurons{{0, 1}, {0, 1}}));
  EXPECT_TRUE(pruner.weighs_at(3));
  ASSERT_FALSE(pruner.weighs_at(7));
  std::vector<LayerView> patterns = views_of(layers);
  for (LayerView& view : patterns) view.values = {};
  EXPECT_EQ(pruner.removed(patterns, 7), (RemovedNeurons{{0, 1}, {0, 1}}));
}

TEST(NeuronPruner, ReadsTheValuesOfTwoLayersAtATime) {
  const std::vector<TestLayer> layers = chain();
  const NeuronPruner pruner(pruning(0.34, 0.1, 0.1), 10, 1);
  std::vector<LayerView> patterns = views_of(layers);
  for (LayerView& view : patterns) view.values = {};
  std::vector<std::vector<Real>> values(layers.size());
  std::size_t asked = 0;

  const RemovedNeurons removed = pruner.removed(
      patterns,
      [&](std::size_t l) {
        EXPECT_EQ(l, asked++);
        if (l >= 2) std::ranges::fill(values[l - 2], 1000);
        LayerView view = layers[l].view();
        values[l].assign(view.values.begin(), view.values.end());
        view.values = values[l];
        return view;
      },
      1);

  EXPECT_EQ(asked, layers.size());
  EXPECT_EQ(removed, pruner.removed(views_of(layers), 1));
}

TEST(NeuronPruner, TheCascadeStopsAtTheFloor) {
  const std::vector<TestLayer> layers = chain();
  const NeuronPruner pruner(pruning(0.01, 0.1, 0.1), 10, 2);

  EXPECT_EQ(pruner.removed(views_of(layers), 1), (RemovedNeurons{{0}, {1}}));
}

TEST(NeuronPruner, TheCascadeSeesWhatThePruningLeft) {
  // The weakest are 1 of the first hidden layer, which alone feeds 2 of the second, and 0 of the second, the
  // first of two equals, which alone is fed by 2 of the first.
  const std::vector<TestLayer> layers = {TestLayer(topology_of({"x", "x", "x"}), {1, 1, 1}),
                                         TestLayer(topology_of({"x.x", "x..", ".x."}), {3, 3, 3, 1}),
                                         TestLayer(topology_of({"xxx"}), {5, 5, 9})};
  const NeuronPruner pruner(pruning(0.33, 0.1, 0.1), 10, 1);

  EXPECT_EQ(pruner.removed(views_of(layers), 1), (RemovedNeurons{{1, 2}, {0, 2}}));
}

TEST(NeuronPruner, TheCascadeRunsThroughDenseLayers) {
  const std::vector<TestLayer> layers = {TestLayer(topology_of({"x", "."}), {1}),
                                         TestLayer(2, 2, {1, 1, 1, 1}), TestLayer(topology_of({".x"}), {1})};
  const NeuronPruner pruner(pruning(0.01, 0.1, 0.1), 10, 1);

  EXPECT_EQ(pruner.removed(views_of(layers), 1), (RemovedNeurons{{1}, {0}}));
}

/// Slow cascade without floor: counts all connections anew after each removal.
RemovedNeurons slow_cascade(const std::vector<TestLayer>& layers) {
  std::vector<std::vector<char>> alive;
  for (const TestLayer& layer : layers) alive.emplace_back(layer.topology.cols, char{1});
  alive.emplace_back(layers.back().topology.rows, char{1});
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t n = 1; n + 1 < alive.size(); ++n) {
      for (Index i = 0; i < static_cast<Index>(alive[n].size()); ++i) {
        int inputs = 0;
        int outputs = 0;
        for (const auto& [row, col] : cells_of(layers[n - 1].topology)) {
          inputs += row == i && alive[n - 1][col] != 0;
        }
        for (const auto& [row, col] : cells_of(layers[n].topology)) {
          outputs += col == i && alive[n + 1][row] != 0;
        }
        if (alive[n][i] != 0 && (inputs == 0 || outputs == 0)) {
          alive[n][i] = 0;
          changed = true;
        }
      }
    }
  }
  RemovedNeurons removed(layers.size() - 1);
  for (std::size_t n = 1; n + 1 < alive.size(); ++n) {
    for (Index i = 0; i < static_cast<Index>(alive[n].size()); ++i) {
      if (alive[n][i] == 0) removed[n - 1].push_back(i);
    }
  }
  return removed;
}

TEST(NeuronPruner, TheCascadeEndsWhereASlowOneDoes) {
  const NeuronPruner pruner(pruning(1e-6, 0.1, 0.1), 10, 1);
  std::size_t removed_in_all = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<TestLayer> layers;
    for (const auto& [rows, cols] :
         std::vector<std::pair<Index, Index>>{{20, 15}, {25, 20}, {20, 25}, {10, 20}}) {
      Topology topology =
          erdos_renyi(rows, cols, 0.09, RandomStream(seed, Purpose::topology, 0, layers.size()));
      std::vector<Real> values(topology.col_idxs.size(), 1);
      layers.emplace_back(std::move(topology), std::move(values));
    }

    const RemovedNeurons removed = pruner.removed(views_of(layers), 1);

    EXPECT_EQ(removed, slow_cascade(layers)) << "seed " << seed;
    for (const auto& layer : removed) removed_in_all += layer.size();
  }
  EXPECT_GT(removed_in_all, 100U);
}

/// Slow cascade that keeps `floor` neurons of each layer: a queue, first in, first out, that a neuron joins
/// when it has lost its last input or output.
RemovedNeurons queued_cascade(const std::vector<TestLayer>& layers, int floor) {
  struct Neuron {
    std::size_t layer;
    Index number;
  };
  std::vector<std::set<Index>> alive(layers.size() - 1);
  std::vector<std::set<std::pair<Index, Index>>> cells;
  for (const TestLayer& layer : layers) cells.push_back(cells_of(layer.topology));
  const auto unconnected = [&](std::size_t h, Index i) {
    return std::ranges::none_of(cells[h], [&](const auto& cell) { return cell.first == i; }) ||
           std::ranges::none_of(cells[h + 1], [&](const auto& cell) { return cell.second == i; });
  };
  std::deque<Neuron> queue;
  for (std::size_t h = 0; h < alive.size(); ++h) {
    for (Index i = 0; i < layers[h].topology.rows; ++i) {
      alive[h].insert(i);
      if (unconnected(h, i)) queue.push_back({h, i});
    }
  }
  for (; !queue.empty(); queue.pop_front()) {
    const auto [h, i] = queue.front();
    if (!alive[h].contains(i) || static_cast<int>(alive[h].size()) <= floor) continue;
    alive[h].erase(i);
    std::vector<Neuron> neighbours;
    for (const auto& [row, col] : cells[h]) {
      if (row == i && h > 0) neighbours.push_back({h - 1, col});
    }
    for (const auto& [row, col] : cells[h + 1]) {
      if (col == i && h + 1 < alive.size()) neighbours.push_back({h + 1, row});
    }
    std::erase_if(cells[h], [&](const auto& cell) { return cell.first == i; });
    std::erase_if(cells[h + 1], [&](const auto& cell) { return cell.second == i; });
    for (const Neuron& n : neighbours) {
      if (unconnected(n.layer, n.number)) queue.push_back(n);
    }
  }
  RemovedNeurons removed(alive.size());
  for (std::size_t h = 0; h < alive.size(); ++h) {
    for (Index i = 0; i < layers[h].topology.rows; ++i) {
      if (!alive[h].contains(i)) removed[h].push_back(i);
    }
  }
  return removed;
}

TEST(NeuronPruner, AtTheFloorTheCascadeTakesThoseThatLostTheirLastConnectionFirst) {
  std::size_t layers_at_the_floor = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<TestLayer> layers;
    for (const auto& [rows, cols] :
         std::vector<std::pair<Index, Index>>{{20, 15}, {25, 20}, {20, 25}, {10, 20}}) {
      Topology topology =
          erdos_renyi(rows, cols, 0.06, RandomStream(seed, Purpose::topology, 0, layers.size()));
      std::vector<Real> values(topology.col_idxs.size(), 1);
      layers.emplace_back(std::move(topology), std::move(values));
    }
    for (const int floor : {4, 8, 11}) {
      const NeuronPruner pruner(pruning(1e-6, 0.1, 0.1), 10, floor);

      const RemovedNeurons removed = pruner.removed(views_of(layers), 1);

      EXPECT_EQ(removed, queued_cascade(layers, floor)) << "seed " << seed << ", floor " << floor;
      EXPECT_EQ(pruner.removed(views_of(layers), 1, one_part(), 0), removed) << "one layer indexed at a time";
      for (std::size_t h = 0; h < removed.size(); ++h) {
        const auto alive = static_cast<std::size_t>(layers[h].topology.rows) - removed[h].size();
        layers_at_the_floor += alive == static_cast<std::size_t>(floor);
      }
    }
  }
  EXPECT_GT(layers_at_the_floor, 100U);
}

TEST(NeuronPruner, ReachesItsTargetOverManyPrunings) {
  const auto init = WeightInitRegistry::instance().make("he_uniform", "");
  std::vector<TestLayer> layers;
  for (const auto& [rows, cols] : std::vector<std::pair<Index, Index>>{{1000, 50}, {600, 1000}, {10, 600}}) {
    const double density = erdos_renyi_density(15, cols, rows);  // nobody is without connections: no cascade
    Topology topology =
        erdos_renyi(rows, cols, density, RandomStream(1, Purpose::topology, 0, layers.size()));
    std::vector<Real> values =
        first_values(*init, RandomStream(1, Purpose::weight, 0, layers.size()), topology);
    layers.emplace_back(std::move(topology), std::move(values));
  }
  const std::int64_t epochs = 20;
  const NeuronPruner pruner(pruning(0.5, 0.1, 0.6), epochs, 10);
  const auto method = RewireMethodRegistry::instance().make("set", "");

  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const Evolution evolution{*method,       *init, 0.3, Budget::fixed, 1, static_cast<std::uint64_t>(epoch),
                              epoch < epochs};
    const EditList edits = evolve(views_of(layers), pruner.removed(views_of(layers), epoch), evolution);
    for (std::size_t l = 0; l < layers.size(); ++l) layers[l].follow(edits[l]);
  }

  EXPECT_EQ(layers[0].topology.rows, 500);
  EXPECT_EQ(layers[1].topology.rows, 300);
  EXPECT_EQ(layers[0].topology.cols, 50);
  EXPECT_EQ(layers[2].topology.rows, 10);
  EXPECT_EQ(layers[1].topology.cols, layers[0].topology.rows);
}

}  // namespace
}  // namespace plexus
