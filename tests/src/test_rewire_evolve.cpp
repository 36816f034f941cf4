#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/rewire/evolve.hpp"
#include "src/rewire/rules/two_sided_magnitude.hpp"
#include "src/support/error.hpp"
#include "tests/support/test_layer.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

class Evolve : public ::testing::Test {
 protected:
  [[nodiscard]] Evolution evolution(std::uint64_t epoch = 1) const {
    return {*set_, *init_, 0.3, Budget::fixed, 7, epoch, true};
  }

  [[nodiscard]] TestLayer random_layer(Index rows, Index cols, double density, std::size_t layer) const {
    Topology topology = erdos_renyi(rows, cols, density, RandomStream(1, Purpose::topology, 0, layer));
    std::vector<Real> values = first_values(*init_, RandomStream(1, Purpose::weight, 0, layer), topology);
    return {std::move(topology), std::move(values)};
  }

  [[nodiscard]] std::vector<TestLayer> random_network(double density) const {
    return {random_layer(40, 30, density, 0), random_layer(50, 40, density, 1),
            random_layer(10, 50, density, 2)};
  }

  static std::vector<Offset> dropped_by_rule(const Topology& topology, const std::vector<Real>& values) {
    const LayerEdit no_edit{topology.generation, {}, {}, {}, {}};
    return TwoSidedMagnitude().select({KeptConnections(topology, no_edit), values, 0.3});
  }

  std::unique_ptr<RewireMethod> set_ = RewireMethodRegistry::instance().make("set", "topology.method");
  std::unique_ptr<RewireMethod> static_ = RewireMethodRegistry::instance().make("static", "topology.method");
  std::unique_ptr<WeightInit> init_ = WeightInitRegistry::instance().make("he_uniform", "network.init");
};

TEST_F(Evolve, SetKeepsTheNumberOfConnectionsOverManyEpochs) {
  std::vector<TestLayer> layers = random_network(0.2);
  const std::vector<TestLayer> start = layers;

  for (std::uint64_t epoch = 1; epoch <= 30; ++epoch) {
    const EditList edits = evolve(views_of(layers), {}, evolution(epoch));
    for (std::size_t l = 0; l < layers.size(); ++l) layers[l].follow(edits[l]);
  }

  for (std::size_t l = 0; l < layers.size(); ++l) {
    check(layers[l].topology);
    EXPECT_EQ(layers[l].topology.connections(), start[l].topology.connections());
    EXPECT_EQ(layers[l].topology.generation, 30U);
    EXPECT_NE(layers[l].topology.col_idxs, start[l].topology.col_idxs);
  }
}

TEST_F(Evolve, DropsByTheRuleAndGrowsFreshWeights) {
  const std::vector<TestLayer> layers = random_network(0.2);

  const EditList edits = evolve(views_of(layers), {}, evolution(4));

  for (std::size_t l = 0; l < layers.size(); ++l) {
    EXPECT_EQ(edits[l].dropped, dropped_by_rule(layers[l].topology, layers[l].values));
    EXPECT_EQ(edits[l].grown.size(), edits[l].dropped.size());
    const RandomStream weights(7, Purpose::grown_weight, 4, l);
    for (const GrownConnection& grown : edits[l].grown) {
      EXPECT_EQ(grown.value, init_->value(weights, grown.row, grown.col,
                                          {layers[l].original_cols, layers[l].original_rows}));
    }
  }
}

TEST_F(Evolve, ALayerAloneGetsTheSameEditAsAmongAll) {
  const std::vector<TestLayer> layers = random_network(0.2);
  const RemovedNeurons removed = {{1, 7, 39}, {0, 25}};
  const EditList all = evolve(views_of(layers), removed, evolution());

  for (const std::size_t l : {2, 0, 1})
    EXPECT_EQ(edit_layer(views_of(layers).at(l), l, removed, evolution()), all[l]) << l;
}

TEST_F(Evolve, SeedAndEpochChangeTheGrowth) {
  const std::vector<TestLayer> layers = random_network(0.2);
  Evolution other_seed = evolution();
  other_seed.seed = 8;

  const LayerEdit edit = edit_layer(views_of(layers).at(0), 0, {}, evolution(1));

  EXPECT_EQ(edit_layer(views_of(layers).at(0), 0, {}, evolution(1)), edit);
  EXPECT_NE(edit_layer(views_of(layers).at(0), 0, {}, evolution(2)).grown, edit.grown);
  EXPECT_NE(edit_layer(views_of(layers).at(0), 0, {}, other_seed).grown, edit.grown);
}

TEST_F(Evolve, ALayerThatDoesNotEvolveOnlyLosesConnections) {
  std::vector<TestLayer> layers = random_network(0.2);
  layers[2].evolves = false;
  const RemovedNeurons removed = {{}, {3, 4}};

  const LayerEdit untouched = edit_layer(views_of(layers).at(2), 2, {}, evolution());
  const LayerEdit pruned = edit_layer(views_of(layers).at(2), 2, removed, evolution());

  EXPECT_TRUE(untouched.empty());
  EXPECT_EQ(pruned.removed_cols, (std::vector<Index>{3, 4}));
  EXPECT_TRUE(pruned.grown.empty());
  const auto in_removed =
      std::count_if(layers[2].topology.col_idxs.begin(), layers[2].topology.col_idxs.end(),
                    [](Index col) { return col == 3 || col == 4; });
  EXPECT_EQ(static_cast<Offset>(pruned.dropped.size()), in_removed);
}

TEST_F(Evolve, NeitherAStaticMethodNorAnEpochWithoutRewiringGrows) {
  const std::vector<TestLayer> layers = random_network(0.2);
  const Evolution with_static{*static_, *init_, 0.3, Budget::fixed, 7, 1, true};
  Evolution at_the_end = evolution();
  at_the_end.rewires = false;

  for (const Evolution& e : {with_static, at_the_end}) {
    EXPECT_TRUE(edit_layer(views_of(layers).at(1), 1, {}, e).empty());
    EXPECT_TRUE(edit_layer(views_of(layers).at(1), 1, {{0}, {0}}, e).grown.empty());
    EXPECT_FALSE(edit_layer(views_of(layers).at(1), 1, {{0}, {0}}, e).dropped.empty());
  }
}

TEST_F(Evolve, TheRuleSeesOnlyWhatPruningLeft) {
  // Column 1 goes with 0.25 and -0.25; of 1 2 3 -1 -2 the rule then drops by v = -2 -1 1 2 3: q = 1, r = 3,
  // neg_cut = v[int(0.7)] = -2, pos_cut = v[int(3.6)] = 2, so only 3 stays.
  const std::vector<TestLayer> layers = {
      TestLayer(topology_of({"x", "x", "x", "x"}), {1, 1, 1, 1}),
      TestLayer(topology_of({"xxx.", "xxxx"}), {1, 0.25, 2, 3, -0.25, -1, -2})};

  const LayerEdit edit = edit_layer(views_of(layers).at(1), 1, {{1}}, evolution());

  EXPECT_EQ(edit.dropped, (std::vector<Offset>{0, 1, 2, 4, 5, 6}));
}

TEST_F(Evolve, FixedBudgetGrowsFreedConnectionsElsewhere) {
  std::vector<TestLayer> layers = random_network(0.2);
  const RemovedNeurons removed = {{0, 1, 2, 3, 4, 5}, {}};

  const EditList edits = evolve(views_of(layers), removed, evolution());

  for (const std::size_t l : {0, 1}) {
    const Topology after = edited(layers[l].topology, edits[l]);
    check(after);
    EXPECT_EQ(after.connections(), layers[l].topology.connections());
    EXPECT_GT(edits[l].dropped.size(), dropped_by_rule(layers[l].topology, layers[l].values).size());
  }
}

TEST_F(Evolve, ShrinkBudgetGrowsOnlyWhatTheRuleDropped) {
  std::vector<TestLayer> layers = random_network(0.2);
  const RemovedNeurons removed = {{0, 1, 2, 3, 4, 5}, {}};
  Evolution shrink = evolution();
  shrink.budget = Budget::shrink;

  const EditList edits = evolve(views_of(layers), removed, shrink);

  const Offset freed = layers[0].topology.row_ptrs[6];
  EXPECT_GT(freed, 0);
  EXPECT_EQ(edited(layers[0].topology, edits[0]).connections(), layers[0].topology.connections() - freed);
}

TEST_F(Evolve, FixedBudgetStopsAtEightTenthsOfTheCells) {
  const std::vector<TestLayer> layers = {random_layer(20, 10, 0.7, 0), random_layer(5, 20, 0.7, 1)};
  const RemovedNeurons removed = {{0, 1, 2, 3, 4, 5, 6, 7}};

  const Topology after =
      edited(layers[0].topology, edit_layer(views_of(layers).at(0), 0, removed, evolution()));

  EXPECT_EQ(after.rows, 12);
  EXPECT_GT(layers[0].topology.connections(), 96);
  EXPECT_EQ(after.connections(), 96);  // floor(0.8 * 12 * 10)
}

TEST_F(Evolve, FixedBudgetNeverThinsALayerThatIsDenserAlready) {
  const std::vector<TestLayer> layers = {random_layer(20, 10, 0.95, 0), random_layer(5, 20, 0.95, 1)};
  const RemovedNeurons removed = {{0, 1, 2, 3, 4, 5, 6, 7}};

  const Topology after =
      edited(layers[0].topology, edit_layer(views_of(layers).at(0), 0, removed, evolution()));

  EXPECT_EQ(after.connections(), layers[0].topology.connections() - layers[0].topology.row_ptrs[8]);
  EXPECT_GT(after.connections(), 96);
}

TEST_F(Evolve, ANeuronWithoutConnectionsFreesNone) {
  const std::vector<TestLayer> layers = {TestLayer(topology_of({"xx", "..", "xx"}), {1, -1, 2, -2}),
                                         TestLayer(topology_of({"x.x"}), {1, 2})};

  const Topology after =
      edited(layers[0].topology, edit_layer(views_of(layers).at(0), 0, {{1}}, evolution()));

  EXPECT_TOPOLOGY_EQ(after, topology_of({"xx", "xx"}, 1));
}

TEST_F(Evolve, GrownWeightsAreKeyedByStableIdsAndOriginalSizes) {
  std::vector<TestLayer> layers = random_network(0.2);
  const RemovedNeurons removed = {{0, 5}, {2}};
  EditList edits = evolve(views_of(layers), removed, evolution(1));
  for (std::size_t l = 0; l < layers.size(); ++l) layers[l].follow(edits[l]);

  const LayerEdit edit = edit_layer(views_of(layers).at(1), 1, {{0}, {0}}, evolution(2));

  const RandomStream weights(7, Purpose::grown_weight, 2, 1);
  ASSERT_FALSE(edit.grown.empty());
  const auto row_ids = without(layers[1].row_ids, {0});
  const auto col_ids = without(layers[1].col_ids, {0});
  EXPECT_EQ(col_ids[0], 2);  // 0 and 5 went before, 1 goes now
  for (const GrownConnection& grown : edit.grown) {
    EXPECT_EQ(grown.value, init_->value(weights, row_ids[grown.row], col_ids[grown.col], {40, 50}));
  }
}

TEST_F(Evolve, LocalityGrowsInsideBlocksOfStableIds) {
  std::vector<TestLayer> layers = random_network(0.2);
  Evolution local = evolution(1);
  local.locality = {1, 5};
  const EditList edits = evolve(views_of(layers), {{0, 5, 6}, {2, 3}}, local);
  for (std::size_t l = 0; l < layers.size(); ++l) layers[l].follow(edits[l]);
  local.epoch = 2;

  const LayerEdit edit = edit_layer(views_of(layers).at(1), 1, {{0, 1}, {0, 9}}, local);

  ASSERT_FALSE(edit.grown.empty());
  const auto row_ids = without(layers[1].row_ids, {0, 9});
  const auto col_ids = without(layers[1].col_ids, {0, 1});
  for (const GrownConnection& grown : edit.grown) {
    EXPECT_EQ(row_ids[grown.row] * 5 / 50, col_ids[grown.col] * 5 / 40);
  }
}

TEST_F(Evolve, BlocksDoNotMatterWithoutLocality) {
  const std::vector<TestLayer> layers = random_network(0.2);
  Evolution blocks = evolution();
  blocks.locality.blocks = 5;
  Evolution local = blocks;
  local.locality.share = 0.5;

  EXPECT_EQ(evolve(views_of(layers), {}, blocks), evolve(views_of(layers), {}, evolution()));
  EXPECT_NE(evolve(views_of(layers), {}, local), evolve(views_of(layers), {}, evolution()));
}

TEST_F(Evolve, DenseLayersOnlyLoseRowsAndColumns) {
  const std::vector<TestLayer> layers = {TestLayer(3, 2, {1, 2, 3, 4, 5, 6}),
                                         TestLayer(2, 3, {1, 2, 3, 4, 5, 6})};

  const EditList edits = evolve(views_of(layers), {{1}}, evolution());

  EXPECT_EQ(edits[0], (LayerEdit{0, {1}, {}, {}, {}}));
  EXPECT_EQ(edits[1], (LayerEdit{0, {}, {1}, {}, {}}));
}

TEST_F(Evolve, EmptyAndFullLayersStayAsTheyAre) {
  const std::vector<TestLayer> layers = {TestLayer(topology_of({"..", ".."}), {}),
                                         TestLayer(topology_of({"xx", "xx"}), {1, 2, -1, -2})};

  const EditList edits = evolve(views_of(layers), {}, evolution());

  EXPECT_TRUE(edits[0].empty());
  EXPECT_TOPOLOGY_EQ(edited(layers[1].topology, edits[1]), topology_of({"xx", "xx"}, 1));
}

TEST_F(Evolve, TheNumberOfThreadsChangesNothing) {
  const std::vector<TestLayer> layers = {random_layer(400, 300, 0.4, 0), random_layer(500, 400, 0.3, 1)};
  const RemovedNeurons removed = {{0, 1, 57, 58, 199, 399}};

  const auto edits = [&](int threads) {
    return with_threads(threads, [&] { return evolve(views_of(layers), removed, evolution()); });
  };

  for (const int threads : thread_counts) EXPECT_EQ(edits(threads), edits(1)) << threads;
  for (const auto& edit : edits(3)) {
    EXPECT_TRUE(std::is_sorted(edit.dropped.begin(), edit.dropped.end()));
    EXPECT_GT(edit.dropped.size(), 10000U);
  }
}

TEST_F(Evolve, ALayerThatIsPrunedDropsByTheRuleAmongTheOthers) {
  const std::vector<TestLayer> layers = {random_layer(90, 80, 0.3, 0), random_layer(70, 90, 0.4, 1)};
  const RemovedNeurons removed = {{3, 4, 5, 60, 89}};
  const Topology& before = layers[1].topology;

  std::set<Offset> expected;
  std::vector<Offset> others;
  std::vector<Real> values;
  for (Offset p = 0; p < before.connections(); ++p) {
    if (std::ranges::binary_search(removed[0], before.col_idxs[p])) {
      expected.insert(p);
    } else {
      others.push_back(p);
      values.push_back(layers[1].values[p]);
    }
  }
  for (const Offset p : dropped_by_rule(before, values)) expected.insert(others[p]);

  EXPECT_EQ(edit_layer(views_of(layers).at(1), 1, removed, evolution()).dropped,
            std::vector<Offset>(expected.begin(), expected.end()));
}

TEST_F(Evolve, RemovedNeuronsOfAnotherNetworkAreRefused) {
  const std::vector<TestLayer> layers = random_network(0.2);

  EXPECT_THROW(static_cast<void>(evolve(views_of(layers), {{1}}, evolution())), Fault);
}

TEST(Budget, HasTwoNames) {
  EXPECT_EQ(budget_named("fixed"), Budget::fixed);
  EXPECT_EQ(budget_named("shrink"), Budget::shrink);
  EXPECT_THROW(static_cast<void>(budget_named("shrnk")), InputError);
}

}  // namespace
}  // namespace plexus
