#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/sparse/topology.hpp"

namespace plexus {

/// A topology drawn by hand, one string a row: 'x' is a connection, '.' an empty cell.
inline Topology topology_of(const std::vector<std::string>& rows, std::uint64_t generation = 0) {
  Topology topology;
  topology.rows = static_cast<Index>(rows.size());
  topology.cols = rows.empty() ? 0 : static_cast<Index>(rows.front().size());
  topology.generation = generation;
  for (const std::string& row : rows) {
    for (std::size_t col = 0; col < row.size(); ++col) {
      if (row[col] == 'x') topology.col_idxs.push_back(static_cast<Index>(col));
    }
    topology.row_ptrs.push_back(topology.connections());
  }
  return topology;
}

/// The connections of a topology as (row, col).
inline std::set<std::pair<Index, Index>> cells_of(const Topology& topology) {
  std::set<std::pair<Index, Index>> cells;
  for (Index row = 0; row < topology.rows; ++row) {
    for (Offset p = topology.row_ptrs[row]; p < topology.row_ptrs[row + std::size_t{1}]; ++p) {
      cells.emplace(row, topology.col_idxs[p]);
    }
  }
  return cells;
}

/// Draws `topology` with 'x' for connections; those that `other` lacks are 'X', and those that only `other`
/// has 'o'. Shows the upper left 40 x 100 cells.
inline std::string drawn(const Topology& topology, const Topology& other) {
  const auto mine = cells_of(topology);
  const auto others = cells_of(other);
  std::string picture = "generation " + std::to_string(topology.generation) + ", " +
                        std::to_string(topology.rows) + " x " + std::to_string(topology.cols) + ", " +
                        std::to_string(mine.size()) + " connections\n";
  for (Index row = 0; row < std::min(topology.rows, 40); ++row) {
    for (Index col = 0; col < std::min(topology.cols, 100); ++col) {
      const bool here = mine.contains({row, col});
      const bool there = others.contains({row, col});
      picture += here ? (there ? 'x' : 'X') : (there ? 'o' : '.');
    }
    picture += '\n';
  }
  return picture;
}

inline ::testing::AssertionResult topologies_equal(const char* left_text, const char* right_text,
                                                   const Topology& left, const Topology& right) {
  if (left == right) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "Topologies differ (X: only in this one, o: only in the other).\n"
         << left_text << ": " << drawn(left, right) << right_text << ": " << drawn(right, left);
}

}  // namespace plexus

/// Same size, same connections, same generation; draws both patterns when they differ.
#define EXPECT_TOPOLOGY_EQ(left, right) EXPECT_PRED_FORMAT2(::plexus::topologies_equal, left, right)
