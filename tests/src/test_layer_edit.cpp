#include <gtest/gtest.h>

#include <vector>

#include "src/rewire/layer_edit.hpp"
#include "src/support/error.hpp"
#include "tests/support/topology_matchers.hpp"

namespace plexus {
namespace {

LayerEdit edit_of(std::vector<Offset> dropped, std::vector<GrownConnection> grown) {
  return {5, {}, {}, std::move(dropped), std::move(grown)};
}

TEST(LayerEdit, DropsAndGrows) {
  const Topology before = topology_of({"xx..", "....", ".x.x"}, 5);
  const LayerEdit edit = edit_of({0, 3}, {{0, 0, 10}, {0, 3, 11}, {1, 2, 12}, {2, 0, 13}});

  const Topology after = edited(before, edit);

  EXPECT_TOPOLOGY_EQ(after, topology_of({"xx.x", "..x.", "xx.."}, 6));
  EXPECT_EQ(carried({1, 2, 3, 4}, before, edit, after, Grown::value),
            (std::vector<Real>{10, 2, 11, 12, 13, 3}));
  EXPECT_EQ(carried({1, 2, 3, 4}, before, edit, after, Grown::zero), (std::vector<Real>{0, 2, 0, 0, 0, 3}));
}

TEST(LayerEdit, RemovesNeuronsOfBothSides) {
  const Topology before = topology_of({"x.x.", "xxxx", ".x.x"}, 5);
  const LayerEdit edit{5, {1}, {0, 3}, {0, 2, 3, 4, 5, 7}, {{1, 1, 9}}};

  const Topology after = edited(before, edit);

  EXPECT_TOPOLOGY_EQ(after, topology_of({".x", "xx"}, 6));
  EXPECT_EQ(carried({1, 2, 3, 4, 5, 6, 7, 8}, before, edit, after, Grown::value),
            (std::vector<Real>{2, 7, 9}));
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

TEST(LayerEdit, AnArrayOfAnotherLengthIsNotCarried) {
  const Topology before = topology_of({"xx"}, 5);
  const LayerEdit edit = edit_of({0}, {});
  const Topology after = edited(before, edit);

  EXPECT_THROW(static_cast<void>(carried({1}, before, edit, after, Grown::zero)), Fault);
  EXPECT_THROW(static_cast<void>(carried({1, 2}, before, edit, before, Grown::zero)), Fault);
}

TEST(LayerEdit, WithoutTakesOutTheNamedPlaces) {
  EXPECT_EQ(without(std::vector<int>{10, 11, 12, 13}, {0, 2}), (std::vector<int>{11, 13}));
  EXPECT_EQ(without(std::vector<int>{10}, {}), (std::vector<int>{10}));
}

}  // namespace
}  // namespace plexus
