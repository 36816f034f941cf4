#include "src/rewire/kept_connections.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

constexpr Index removed_neuron = -1;

/// New number of each of `count` neurons, `removed_neuron` for the removed ones; empty where none is removed.
std::vector<Index> renumbered(Index count, const std::vector<Index>& removed, const char* what) {
  if (removed.empty()) return {};
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

KeptConnections::KeptConnections(const Topology& before, const LayerEdit& edit)
    : before_(before), edit_(edit), new_cols_(renumbered(before.cols, edit.removed_cols, "column")) {
  ensure(edit.generation == before.generation, "edit for generation {} of a topology of generation {}",
         edit.generation, before.generation);
  const std::vector<Offset>& dropped = edit.dropped;
  const auto last = static_cast<Offset>(dropped.size());
  const Offset misfit = first_misfit(last, [&](Offset i) {
    return dropped[i] > (i == 0 ? -1 : dropped[i - 1]) && dropped[i] < before.connections();
  });
  ensure(misfit == last, "edit drops position {}, which does not exist or is out of order",
         misfit < last ? dropped[misfit] : 0);

  const std::vector<Index> new_rows = renumbered(before.rows, edit.removed_rows, "row");
  if (!new_rows.empty()) {
    old_rows_.resize(static_cast<std::size_t>(before.rows));
    std::iota(old_rows_.begin(), old_rows_.end(), Index{0});
    old_rows_ = without(old_rows_, edit.removed_rows);
  }
  cols_ = before.cols - static_cast<Index>(edit.removed_cols.size());
  row_ptrs_.resize(static_cast<std::size_t>(before.rows) + 1 - edit.removed_rows.size());
  const auto cuts = balanced_cuts(before.row_ptrs, parts_for(before.connections(), least_part));
  for_each_part(static_cast<int>(cuts.size()) - 1, [&](int part) {
    Offset d =
        std::lower_bound(dropped.begin(), dropped.end(), before.row_ptrs[cuts[part]]) - dropped.begin();
    for (Index row = cuts[part]; row < cuts[part + 1]; ++row) {
      const Offset end = before.row_ptrs[row + std::size_t{1}];
      const Offset first = d;
      while (d < last && dropped[d] < end) ++d;
      const Index new_row = new_rows.empty() ? row : new_rows[row];
      if (new_row == removed_neuron) {
        ensure(d - first == end - before.row_ptrs[row],
               "edit removes row {} but does not drop all of its connections", row);
      } else {
        row_ptrs_[new_row + std::size_t{1}] = end - d;
      }
    }
  });
}

void KeptConnections::columns_of(Index row, std::vector<Index>& out) const {
  values_of<Index>(row, before_.col_idxs, out);
  const std::size_t count = connections_of(row);
  if (!new_cols_.empty()) {
    for (std::size_t i = 0; i < count; ++i) {
      const Index col = new_cols_[out[i]];
      ensure(col != removed_neuron, "edit removes column {} but does not drop its connection to row {}",
             out[i], old_rows_.empty() ? row : old_rows_[row]);
      out[i] = col;
    }
  }
  std::fill_n(out.begin() + static_cast<Offset>(count), run_padding, std::numeric_limits<Index>::max());
}

std::vector<Real> KeptConnections::all_values(std::span<const Real> array) const {
  std::vector<Real> kept(static_cast<std::size_t>(connections()));
  const auto cuts = balanced_cuts(row_ptrs_, parts_for(connections(), least_part));
  for_each_part(static_cast<int>(cuts.size()) - 1, [&](int part) {
    std::vector<Real> of_row;
    for (Index row = cuts[part]; row < cuts[part + 1]; ++row) {
      values_of(row, array, of_row);
      std::copy_n(of_row.begin(), connections_of(row), kept.begin() + row_ptrs_[row]);
    }
  });
  return kept;
}

}  // namespace plexus
