#include "src/rewire/layer_edit.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include "src/rewire/kept_connections.hpp"
#include "src/rewire/row_runs.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

void check_growth(const std::vector<GrownConnection>& grown, Index rows, Index cols) {
  const auto count = static_cast<Offset>(grown.size());
  const Offset misfit = first_misfit(count, [&](Offset i) {
    const GrownConnection& g = grown[i];
    const bool inside = g.row >= 0 && g.row < rows && g.col >= 0 && g.col < cols;
    return inside && (i == 0 || std::tie(grown[i - 1].row, grown[i - 1].col) < std::tie(g.row, g.col));
  });
  const GrownConnection at = misfit < count ? grown[misfit] : GrownConnection{};
  ensure(misfit == count, "edit grows ({}, {}), which is out of order or outside of {} x {}", at.row, at.col,
         rows, cols);
}

/// Puts rows together from what is kept and what grows in them.
class RowEditor {
 public:
  RowEditor(const KeptConnections& kept, std::span<const CarriedArray> arrays)
      : kept_(kept), arrays_(arrays), kept_values_(arrays.size()) {}

  /// Turns to a row in which `grown` grow.
  void turn_to(Index row, std::span<const GrownConnection> grown) {
    grown_ = grown;
    kept_count_ = static_cast<Offset>(kept_.connections_of(row));
    // All arrays are read before any is used: what was just written in pieces is slow to read in other
    // pieces.
    kept_.columns_of(row, kept_cols_);
    for (std::size_t i = 0; i < arrays_.size(); ++i) {
      kept_.values_of<Real>(row, *arrays_[i].array, kept_values_[i]);
    }
    make_room(places_, grown.size());
    Index place = 0;
    for (std::size_t i = 0; i < grown.size(); ++i) {
      place += count_below(kept_cols_.data() + place, grown[i].col);
      ensure(kept_cols_[place] != grown[i].col, "edit grows ({}, {}), which is occupied", row, grown[i].col);
      places_[i] = place;
    }
  }

  /// Writes the columns of the row to `to`; what lies behind them, up to `writable_end`, may be overwritten.
  void write_columns(Index* to, Index* writable_end) {
    merge(
        kept_cols_, merged_cols_, [](const GrownConnection& grown) { return grown.col; }, to, writable_end);
  }

  /// The same for the values of array `i`.
  void write_values(std::size_t i, Real* to, Real* writable_end) {
    if (arrays_[i].grown == Grown::value) {
      const auto value = [](const GrownConnection& grown) { return grown.value; };
      merge(kept_values_[i], merged_values_, value, to, writable_end);
    } else {
      const auto zero = [](const GrownConnection&) { return Real{0}; };
      merge(kept_values_[i], merged_values_, zero, to, writable_end);
    }
  }

 private:
  template <class T, class OfGrown>
  void merge(const std::vector<T>& kept, std::vector<T>& merged, OfGrown&& of_grown, T* to, T* writable_end) {
    const auto total = static_cast<std::size_t>(kept_count_) + grown_.size();
    const bool has_padding = writable_end - to >= static_cast<Offset>(total + run_padding);
    if (!has_padding) make_room(merged, total);
    T* const first = has_padding ? to : merged.data();
    T* next = first;
    Offset from = 0;
    for (std::size_t i = 0; i < grown_.size(); ++i) {
      next = copy_run(kept.data() + from, places_[i] - from, next);
      *next++ = of_grown(grown_[i]);
      from = places_[i];
    }
    next = copy_run(kept.data() + from, kept_count_ - from, next);
    if (!has_padding) std::copy(first, next, to);
  }

  const KeptConnections& kept_;
  std::span<const CarriedArray> arrays_;
  std::span<const GrownConnection> grown_;  // in the row
  Offset kept_count_ = 0;
  std::vector<Index> places_;  // for each that grows, how many kept connections of the row come before it
  std::vector<Index> kept_cols_;
  std::vector<Index> merged_cols_;
  std::vector<std::vector<Real>> kept_values_;
  std::vector<Real> merged_values_;
};

}  // namespace

Topology edited(const Topology& before, const LayerEdit& edit, std::span<const CarriedArray> arrays) {
  for (const CarriedArray& carried : arrays) {
    ensure(static_cast<Offset>(carried.array->size()) == before.connections(),
           "edit of an array of {} entries for {} connections", carried.array->size(), before.connections());
  }
  const KeptConnections kept(before, edit);
  check_growth(edit.grown, kept.rows(), kept.cols());
  const auto count = static_cast<std::size_t>(kept.connections()) + edit.grown.size();

  Topology after;
  after.rows = kept.rows();
  after.cols = kept.cols();
  after.generation = before.generation + 1;
  after.row_ptrs.resize(kept.row_ptrs().size());
  after.col_idxs.resize(count);
  std::vector<std::vector<Real>> carried(arrays.size());
  for (auto& array : carried) array.resize(count);

  const auto cuts = balanced_cuts(kept.row_ptrs(), parts_for(static_cast<Offset>(count), least_part));
  const auto first_grown = [&](Index row) {
    return std::partition_point(edit.grown.begin(), edit.grown.end(),
                                [row](const GrownConnection& g) { return g.row < row; }) -
           edit.grown.begin();
  };
  for_each_part(static_cast<int>(cuts.size()) - 1, [&](int part) {
    RowEditor editor(kept, arrays);
    Offset grown = first_grown(cuts[part]);
    const Offset part_grown = first_grown(cuts[part + 1]);
    const Offset part_end = kept.row_ptrs()[cuts[part + 1]] + part_grown;
    for (Index row = cuts[part]; row < cuts[part + 1]; ++row) {
      const Offset first = grown;
      while (grown < part_grown && edit.grown[grown].row == row) ++grown;
      after.row_ptrs[row + std::size_t{1}] = kept.row_ptrs()[row + std::size_t{1}] + grown;
      const Offset to = kept.row_ptrs()[row] + first;
      editor.turn_to(row, std::span(edit.grown).subspan(first, grown - first));
      editor.write_columns(after.col_idxs.data() + to, after.col_idxs.data() + part_end);
      for (std::size_t i = 0; i < arrays.size(); ++i) {
        editor.write_values(i, carried[i].data() + to, carried[i].data() + part_end);
      }
    }
  });
  for (std::size_t i = 0; i < arrays.size(); ++i) *arrays[i].array = std::move(carried[i]);
  return after;
}

}  // namespace plexus
