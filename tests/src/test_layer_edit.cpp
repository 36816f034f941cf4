#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/support/error.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

LayerEdit edit_of(std::vector<Offset> dropped, std::vector<GrownConnection> grown) {
  return {5, {}, {}, std::move(dropped), std::move(grown)};
}

/// `array` after the edit.
std::vector<Real> carried(std::vector<Real> array, const Topology& before, const LayerEdit& edit,
                          Grown grown) {
  const CarriedArray carried{&array, grown};
  static_cast<void>(edited(before, edit, {&carried, 1}));
  return array;
}

TEST(LayerEdit, DropsAndGrows) {
  const Topology before = topology_of({"xx..", "....", ".x.x"}, 5);
  const LayerEdit edit = edit_of({0, 3}, {{0, 0, 10}, {0, 3, 11}, {1, 2, 12}, {2, 0, 13}});

  const Topology after = edited(before, edit);

  EXPECT_TOPOLOGY_EQ(after, topology_of({"xx.x", "..x.", "xx.."}, 6));
  EXPECT_EQ(carried({1, 2, 3, 4}, before, edit, Grown::value), (std::vector<Real>{10, 2, 11, 12, 13, 3}));
  EXPECT_EQ(carried({1, 2, 3, 4}, before, edit, Grown::zero), (std::vector<Real>{0, 2, 0, 0, 0, 3}));
}

TEST(LayerEdit, RemovesNeuronsOfBothSides) {
  const Topology before = topology_of({"x.x.", "xxxx", ".x.x"}, 5);
  const LayerEdit edit{5, {1}, {0, 3}, {0, 2, 3, 4, 5, 7}, {{1, 1, 9}}};

  const Topology after = edited(before, edit);

  EXPECT_TOPOLOGY_EQ(after, topology_of({".x", "xx"}, 6));
  EXPECT_EQ(carried({1, 2, 3, 4, 5, 6, 7, 8}, before, edit, Grown::value), (std::vector<Real>{2, 7, 9}));
}

TEST(LayerEdit, AnEmptyEditOnlyRaisesTheGeneration) {
  const Topology before = topology_of({"x.", ".x"}, 5);

  EXPECT_TOPOLOGY_EQ(edited(before, edit_of({}, {})), topology_of({"x.", ".x"}, 6));
}

TEST(LayerEdit, LayersWithoutConnectionsOrNeurons) {
  EXPECT_TOPOLOGY_EQ(edited(topology_of({"..", ".."}, 5), edit_of({}, {{1, 0, 1}})),
                     topology_of({"..", "x."}, 6));
  EXPECT_TOPOLOGY_EQ(edited(topology_of({"xx"}, 5), {5, {0}, {0, 1}, {0, 1}, {}}), topology_of({}, 6));
}

TEST(LayerEdit, AnotherGenerationIsRefused) {
  for (const std::uint64_t generation : {0, 4, 6}) {
    EXPECT_THROW(static_cast<void>(edited(topology_of({"x"}, generation), edit_of({}, {}))), Fault)
        << generation;
  }
}

TEST(LayerEdit, WhatDoesNotFitIsRefused) {
  const Topology before = topology_of({"xx.", ".x."}, 5);
  const std::vector<std::pair<const char*, LayerEdit>> wrong = {
      {"position below 0", edit_of({-1}, {})},
      {"position behind the end", edit_of({3}, {})},
      {"positions out of order", edit_of({1, 0}, {})},
      {"position twice", edit_of({1, 1}, {})},
      {"occupied cell", edit_of({}, {{0, 1, 0}})},
      {"cell twice", edit_of({}, {{0, 2, 0}, {0, 2, 0}})},
      {"dropped cell twice", edit_of({0}, {{0, 0, 0}, {0, 0, 0}})},
      {"columns out of order", edit_of({0, 1}, {{0, 2, 0}, {0, 0, 0}})},
      {"rows out of order", edit_of({}, {{1, 0, 0}, {0, 2, 0}})},
      {"column below 0", edit_of({}, {{0, -1, 0}})},
      {"column outside", edit_of({}, {{0, 3, 0}})},
      {"row below 0", edit_of({}, {{-1, 0, 0}})},
      {"row outside", edit_of({}, {{2, 0, 0}})},
      {"removed row keeps a connection", {5, {1}, {}, {}, {}}},
      {"removed column keeps a connection", {5, {}, {1}, {1}, {}}},
      {"removed row outside", {5, {2}, {}, {}, {}}},
      {"removed rows out of order", {5, {1, 0}, {}, {0, 1, 2}, {}}},
      {"removed column below 0", {5, {}, {-1}, {}, {}}},
      {"growth in a row that is gone", {5, {1}, {}, {2}, {{1, 0, 0}}}},
  };
  for (const auto& [what, edit] : wrong) EXPECT_THROW(static_cast<void>(edited(before, edit)), Fault) << what;
}

/// An edit of `before` that removes some neurons, drops a share of the other connections and grows a share of
/// what is empty then; and what it leads to, cell by cell.
struct RandomEdit {
  LayerEdit edit;
  Topology after;
  std::vector<Real> values;  // of connections: 1 + position before; grown ones -1, -2, ...
  std::vector<Real> states;  // the same, grown ones 0

  RandomEdit(const Topology& before, double removed, double dropped, double grown, std::uint64_t seed) {
    const RandomStream stream(seed, Purpose::growth);
    const auto chosen = [&](std::uint64_t kind, Offset i, double share) {
      return stream.uniform(static_cast<std::uint64_t>(i), kind) < share;
    };
    edit.generation = before.generation;
    after.generation = before.generation + 1;
    std::vector<Index> rows;
    std::vector<Index> cols;
    for (Index i = 0; i < before.rows; ++i) (chosen(0, i, removed) ? edit.removed_rows : rows).push_back(i);
    for (Index i = 0; i < before.cols; ++i) (chosen(1, i, removed) ? edit.removed_cols : cols).push_back(i);
    std::map<std::pair<Index, Index>, Offset> kept;
    for (Index row = 0; row < before.rows; ++row) {
      for (Offset p = before.row_ptrs[row]; p < before.row_ptrs[row + 1]; ++p) {
        const Index col = before.col_idxs[p];
        if (chosen(0, row, removed) || chosen(1, col, removed) || chosen(2, p, dropped)) {
          edit.dropped.push_back(p);
        } else {
          kept[{row, col}] = p;
        }
      }
    }
    after.rows = static_cast<Index>(rows.size());
    after.cols = static_cast<Index>(cols.size());
    for (Index row = 0; row < after.rows; ++row) {
      for (Index col = 0; col < after.cols; ++col) {
        const auto old = kept.find({rows[row], cols[col]});
        if (old == kept.end() && !chosen(3, static_cast<Offset>(row) * after.cols + col, grown)) continue;
        after.col_idxs.push_back(col);
        if (old != kept.end()) {
          values.push_back(static_cast<Real>(1 + old->second));
          states.push_back(values.back());
        } else {
          edit.grown.push_back({row, col, -static_cast<Real>(edit.grown.size() + 1)});
          values.push_back(edit.grown.back().value);
          states.push_back(0);
        }
      }
      after.row_ptrs.push_back(after.connections());
    }
  }
};

/// Random edits of layers of several shapes and sizes.
template <class Check>
void for_random_edits(Check&& check_edit) {
  std::uint64_t seed = 0;
  for (const auto& [rows, cols, density] : std::vector<std::tuple<Index, Index, double>>{
           {1, 1, 0.5}, {3, 40, 0.5}, {60, 7, 0.9}, {300, 290, 0.9}}) {
    for (const double removed : {0.0, 0.2, 1.0}) {
      for (const double dropped : {0.0, 0.3, 1.0}) {
        for (const double grown : {0.0, 0.3, 1.0}) {
          const Topology before = erdos_renyi(rows, cols, density, RandomStream(++seed, Purpose::topology));
          const RandomEdit expected(before, removed, dropped, grown, seed);
          for (const int threads : thread_counts) {
            SCOPED_TRACE(fmt::format("seed {}, {} threads", seed, threads));
            with_threads(threads, [&] { check_edit(before, expected); });
            if (::testing::Test::HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

std::vector<Real> positions_from_one(const Topology& topology) {
  std::vector<Real> values(topology.col_idxs.size());
  std::iota(values.begin(), values.end(), Real{1});
  return values;
}

TEST(LayerEdit, RandomEditsLeadWhereTheyDoCellByCell) {
  for_random_edits([](const Topology& before, const RandomEdit& expected) {
    std::vector<Real> values = positions_from_one(before);
    std::vector<Real> states = values;
    const std::array<CarriedArray, 2> arrays = {{{&values, Grown::value}, {&states, Grown::zero}}};

    const Topology after = edited(before, expected.edit, arrays);

    check(after);
    ASSERT_EQ(after, expected.after);
    ASSERT_EQ(values, expected.values);
    ASSERT_EQ(states, expected.states);
  });
}

TEST(LayerEdit, ColumnsFollowAsIfTheyWereIndexedAnew) {
  for_random_edits([](const Topology& before, const RandomEdit& expected) {
    TransposedIndex columns = transposed(before);
    std::vector<Real> values = in_column_order(positions_from_one(before), before, columns);
    std::vector<Real> states = values;
    const std::array<CarriedArray, 2> by_column = {{{&values, Grown::value}, {&states, Grown::zero}}};

    const Topology after = edited(before, columns, expected.edit, by_column);

    const TransposedIndex anew = transposed(expected.after);
    ASSERT_EQ(after, expected.after);
    ASSERT_EQ(columns.col_ptrs, anew.col_ptrs);
    ASSERT_EQ(columns.row_idxs, anew.row_idxs);
    ASSERT_EQ(values, in_column_order(expected.values, expected.after, anew));
    ASSERT_EQ(states, in_column_order(expected.states, expected.after, anew));
  });
}

TEST(LayerEdit, ARefusedEditLeavesTheArraysAlone) {
  const Topology before = topology_of({"xx.", ".x."}, 5);
  std::vector<Real> values = {1, 2, 3};
  const CarriedArray carried{&values, Grown::value};

  EXPECT_THROW(static_cast<void>(edited(before, edit_of({}, {{0, 1, 0}}), {&carried, 1})), Fault);

  EXPECT_EQ(values, (std::vector<Real>{1, 2, 3}));
}

TEST(LayerEdit, AnArrayOfAnotherLengthIsRefused) {
  std::vector<Real> values = {1};
  const CarriedArray carried{&values, Grown::value};

  EXPECT_THROW(static_cast<void>(edited(topology_of({"xx"}, 5), edit_of({0}, {}), {&carried, 1})), Fault);
}

TEST(LayerEdit, WithoutTakesOutTheNamedPlaces) {
  EXPECT_EQ(without(std::vector<int>{10, 11, 12, 13}, {0, 2}), (std::vector<int>{11, 13}));
  EXPECT_EQ(without(std::vector<int>{10}, {}), (std::vector<int>{10}));
}

}  // namespace
}  // namespace plexus
