#include "src/rewire/layer_edit.hpp"

#include <algorithm>

#include "src/support/error.hpp"

namespace plexus {

namespace {

constexpr Index removed_neuron = -1;

/// New number of each of `count` neurons, `removed_neuron` for the removed ones.
std::vector<Index> renumbered(Index count, const std::vector<Index>& removed, const char* what) {
  std::vector<Index> numbers(static_cast<std::size_t>(count));
  std::size_t next = 0;
  for (Index i = 0; i < count; ++i) {
    if (next < removed.size() && removed[next] == i) {
      numbers[i] = removed_neuron;
      ++next;
    } else {
      numbers[i] = i - static_cast<Index>(next);
    }
  }
  ensure(next == removed.size(), "edit removes {} {}, which does not exist or is out of order", what,
         next < removed.size() ? removed[next] : 0);
  return numbers;
}

}  // namespace

Topology edited(const Topology& before, const LayerEdit& edit) {
  ensure(edit.generation == before.generation, "edit for generation {} of a topology of generation {}",
         edit.generation, before.generation);
  const std::vector<Index> new_rows = renumbered(before.rows, edit.removed_rows, "row");
  const std::vector<Index> new_cols = renumbered(before.cols, edit.removed_cols, "column");

  Topology after;
  after.rows = before.rows - static_cast<Index>(edit.removed_rows.size());
  after.cols = before.cols - static_cast<Index>(edit.removed_cols.size());
  after.generation = before.generation + 1;
  after.row_ptrs.reserve(static_cast<std::size_t>(after.rows) + 1);
  after.col_idxs.reserve(before.col_idxs.size() + edit.grown.size() -
                         std::min(edit.dropped.size(), before.col_idxs.size()));

  auto dropped = edit.dropped.begin();
  auto grown = edit.grown.begin();
  for (Index row = 0; row < before.rows; ++row) {
    const Index new_row = new_rows[row];
    Index last = -1;  // column written last in this row
    const auto grow_one = [&] {
      ensure(grown->col > last && grown->col < after.cols,
             "edit grows ({}, {}), which is occupied, out of order or outside of {} x {}", grown->row,
             grown->col, after.rows, after.cols);
      last = grown->col;
      after.col_idxs.push_back(last);
      ++grown;
    };
    const Offset end = before.row_ptrs[row + std::size_t{1}];
    for (Offset p = before.row_ptrs[row]; p < end; ++p) {
      if (dropped != edit.dropped.end() && *dropped == p) {
        ++dropped;
        continue;
      }
      const Index col = new_cols[before.col_idxs[p]];
      ensure(new_row != removed_neuron && col != removed_neuron,
             "edit removes a neuron of connection ({}, {}) but does not drop the connection", row,
             before.col_idxs[p]);
      while (grown != edit.grown.end() && grown->row == new_row && grown->col < col) grow_one();
      ensure(grown == edit.grown.end() || grown->row != new_row || grown->col != col,
             "edit grows ({}, {}), which is occupied", new_row, col);
      last = col;
      after.col_idxs.push_back(col);
    }
    if (new_row == removed_neuron) continue;
    while (grown != edit.grown.end() && grown->row == new_row) grow_one();
    after.row_ptrs.push_back(after.connections());
  }
  ensure(dropped == edit.dropped.end(), "edit drops position {}, which does not exist or is out of order",
         dropped != edit.dropped.end() ? *dropped : 0);
  ensure(grown == edit.grown.end(), "edit grows in row {}, which does not exist or is out of order",
         grown != edit.grown.end() ? grown->row : 0);
  return after;
}

std::vector<Real> carried(const std::vector<Real>& array, const Topology& before, const LayerEdit& edit,
                          const Topology& after, Grown grown_values) {
  const Offset kept = before.connections() - static_cast<Offset>(edit.dropped.size());
  ensure(static_cast<Offset>(array.size()) == before.connections() && edit.generation == before.generation &&
             after.generation == before.generation + 1 &&
             after.connections() == kept + static_cast<Offset>(edit.grown.size()),
         "carried: {} values of {} connections, edited to {} by an edit of generation {}", array.size(),
         before.connections(), after.connections(), edit.generation);

  std::vector<Real> result(after.col_idxs.size());
  auto dropped = edit.dropped.begin();
  auto grown = edit.grown.begin();
  Offset from = 0;
  for (Index row = 0; row < after.rows; ++row) {
    const Offset end = after.row_ptrs[row + std::size_t{1}];
    for (Offset to = after.row_ptrs[row]; to < end; ++to) {
      if (grown != edit.grown.end() && grown->row == row && grown->col == after.col_idxs[to]) {
        result[to] = grown_values == Grown::value ? grown->value : Real{0};
        ++grown;
        continue;
      }
      while (dropped != edit.dropped.end() && *dropped == from) {
        ++dropped;
        ++from;
      }
      result[to] = array[from++];
    }
  }
  return result;
}

}  // namespace plexus
