#include <gtest/gtest.h>

#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/rewire/layer_history.hpp"
#include "src/support/error.hpp"
#include "tests/support/test_layer.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

/// Three rows of which id 1 is gone, four columns of which ids 0 and 2 are gone.
TestLayer pruned_layer() {
  TestLayer layer(topology_of({"x.", "xx"}, 2), {1, 2, 3});
  layer.row_ids = {0, 2};
  layer.col_ids = {1, 3};
  layer.original_rows = 3;
  layer.original_cols = 4;
  return layer;
}

TEST(LayerHistory, StableIdsLeaveTheRowsAndColumnsOfPrunedNeuronsEmpty) {
  EXPECT_TOPOLOGY_EQ(in_stable_ids(pruned_layer().view()), topology_of({".x..", "....", ".x.x"}, 2));
}

TEST(LayerHistory, TellsAnEditInStableIds) {
  TestLayer layer = pruned_layer();
  const LayerEdit edit{2, {0}, {0}, {0, 1}, {}};
  const std::vector<NeuronId> rows_before = layer.row_ids;
  layer.follow(edit);

  const LayerHistory history = history_of(rows_before, edit, layer.view(), true);

  EXPECT_EQ(history.original_rows, 3);
  EXPECT_EQ(history.original_cols, 4);
  EXPECT_EQ(history.dropped, (std::vector<Offset>{0, 1}));
  EXPECT_EQ(history.pruned_rows, (std::vector<NeuronId>{0}));
  EXPECT_EQ(history.connections, 1);
  EXPECT_EQ(history.pattern_hash, pattern_hash(topology_of({"....", "....", "...x"})));
  ASSERT_TRUE(history.base.has_value());
  EXPECT_TOPOLOGY_EQ(*history.base, topology_of({"....", "....", "...x"}, 3));
}

TEST(LayerHistory, TellsGrowthInStableIdsAndKeepsNoBaseUnlessAsked) {
  TestLayer layer = pruned_layer();
  const LayerEdit edit{2, {}, {}, {2}, {{0, 1, 5}}};
  const std::vector<NeuronId> rows_before = layer.row_ids;
  layer.follow(edit);

  const LayerHistory history = history_of(rows_before, edit, layer.view(), false);

  EXPECT_EQ(history.added_rows, (std::vector<NeuronId>{0}));
  EXPECT_EQ(history.added_cols, (std::vector<NeuronId>{3}));
  EXPECT_FALSE(history.base.has_value());
  EXPECT_EQ(history.pattern_hash, pattern_hash(topology_of({".x.x", "....", ".x.."})));
}

TEST(LayerHistory, ReplayingTheEditsOnTheFirstBaseGivesTheLastPattern) {
  TestLayer layer(topology_of({"xx.x", ".xx.", "x.x."}), {1, 2, 3, 4, 5, 6, 7});
  const LayerHistory first = first_history_of(layer.view());
  const std::vector<LayerEdit> edits = {{0, {}, {1}, {1, 3, 5}, {{1, 2, 0}, {2, 0, 0}}},
                                        {1, {1}, {}, {1, 2, 3}, {{0, 1, 0}}}};

  auto cells = cells_of(*first.base);  // in order of (row, col) ids, as positions count
  LayerHistory last = first;
  for (const LayerEdit& edit : edits) {
    const std::vector<NeuronId> rows_before = layer.row_ids;
    layer.follow(edit);
    last = history_of(rows_before, edit, layer.view(), true);
    const std::vector<std::pair<Index, Index>> numbered(cells.begin(), cells.end());
    for (const Offset p : last.dropped) cells.erase(numbered.at(static_cast<std::size_t>(p)));
    for (std::size_t i = 0; i < last.added_rows.size(); ++i)
      cells.emplace(last.added_rows[i], last.added_cols[i]);
  }

  EXPECT_EQ(cells, cells_of(*last.base));
  EXPECT_EQ(last.connections, static_cast<Offset>(cells.size()));
}

TEST(LayerHistory, TheHashIsThatOfThePatternForAnyNumberOfThreads) {
  Topology pattern = erdos_renyi(200, 300, 0.7, RandomStream(1, Purpose::topology));
  std::vector<Real> values(pattern.col_idxs.size(), 1);
  TestLayer layer(std::move(pattern), std::move(values));
  for (NeuronId& id : layer.row_ids) id *= 2;
  for (NeuronId& id : layer.col_ids) id *= 3;
  layer.original_rows = 400;
  layer.original_cols = 900;

  for (const int threads : thread_counts) {
    const LayerHistory history = with_threads(threads, [&] { return first_history_of(layer.view()); });

    EXPECT_EQ(history.pattern_hash, pattern_hash(in_stable_ids(layer.view()))) << threads;
  }
}

TEST(LayerHistory, ADenseLayerTellsItsPrunedNeurons) {
  TestLayer layer(3, 2, {1, 2, 3, 4, 5, 6});
  const std::vector<NeuronId> rows_before = layer.row_ids;
  const LayerEdit edit{0, {1}, {}, {}, {}};
  layer.follow(edit);

  const LayerHistory history = history_of(rows_before, edit, layer.view(), true);

  EXPECT_EQ(history.pruned_rows, (std::vector<NeuronId>{1}));
  EXPECT_EQ(history.connections, 4);
  EXPECT_FALSE(history.base.has_value());
  EXPECT_THROW(static_cast<void>(in_stable_ids(layer.view())), Fault);
}

}  // namespace
}  // namespace plexus
