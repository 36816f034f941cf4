#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "src/rewire/layer_edit.hpp"
#include "src/rewire/row_runs.hpp"
#include "src/sparse/topology.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// What an edit leaves of a topology, before anything grows: rows and columns are numbered as after the edit.
/// The rows are put together on demand, so that nobody stores the connections once more. Refers to the
/// topology and the edit, which must outlive it.
class KeptConnections {
 public:
  /// Time O(dropped + rows + cols), in parallel. Does not look at `edit.grown`.
  /// @throws Fault if `edit` was made for another generation, names positions or neurons that do not exist or
  /// are out of order, or keeps a connection of a removed row
  KeptConnections(const Topology& before, const LayerEdit& edit);

  [[nodiscard]] Index rows() const { return static_cast<Index>(row_ptrs_.size()) - 1; }
  [[nodiscard]] Index cols() const { return cols_; }
  [[nodiscard]] Offset cells() const { return static_cast<Offset>(rows()) * cols(); }
  [[nodiscard]] Offset connections() const { return row_ptrs_.back(); }
  /// rows() + 1 entries
  [[nodiscard]] const std::vector<Offset>& row_ptrs() const { return row_ptrs_; }

  [[nodiscard]] std::size_t connections_of(Index row) const {
    return static_cast<std::size_t>(row_ptrs_[row + std::size_t{1}] - row_ptrs_[row]);
  }

  /// Writes the columns of `row`, ascending, and behind them `run_padding` entries above any column. `out`
  /// grows where it is too short.
  /// @throws Fault if the edit keeps a connection of a removed column
  void columns_of(Index row, std::vector<Index>& out) const;

  /// Writes what `array`, one entry a connection of the topology before, holds for the connections of `row`.
  /// `out` grows where it is too short.
  template <class T>
  void values_of(Index row, std::span<const T> array, std::vector<T>& out) const {
    make_room(out, connections_of(row));
    const Index old_row = old_rows_.empty() ? row : old_rows_[row];
    Offset from = before_.row_ptrs[old_row];
    const Offset end = before_.row_ptrs[old_row + std::size_t{1}];
    const Offset* dropped = edit_.dropped.data() + (from - row_ptrs_[row]);
    const Offset* dropped_end = edit_.dropped.data() + (end - row_ptrs_[row + std::size_t{1}]);
    T* to = out.data();
    const auto copy_all = [&](auto copy) {
      for (; dropped != dropped_end; ++dropped) {
        to = copy(array.data() + from, *dropped - from, to);
        from = *dropped + 1;
      }
      copy(array.data() + from, end - from, to);
    };
    if (end + static_cast<Offset>(run_padding) <= static_cast<Offset>(array.size())) {
      copy_all([](const T* run, Offset count, T* place) { return copy_run(run, count, place); });
    } else {
      copy_all([](const T* run, Offset count, T* place) { return std::copy_n(run, count, place); });
    }
  }

  /// The same for all connections. In parallel.
  [[nodiscard]] std::vector<Real> all_values(std::span<const Real> array) const;

 private:
  const Topology& before_;
  const LayerEdit& edit_;
  Index cols_;
  std::vector<Offset> row_ptrs_;
  std::vector<Index> old_rows_;  // number before the edit of each row; empty where no row is removed
  std::vector<Index> new_cols_;  // number after the edit of each column before; empty where none is removed
};

}  // namespace plexus
