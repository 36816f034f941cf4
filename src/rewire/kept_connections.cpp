#include "src/rewire/kept_connections.hpp"

#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// @throws Fault unless `edit` was made for `before` and drops connections that exist, in order
MarkedPositions dropped_positions(const Topology& before, const LayerEdit& edit) {
  ensure(edit.generation == before.generation, "edit for generation {} of a topology of generation {}",
         edit.generation, before.generation);
  const std::vector<Offset>& dropped = edit.dropped;
  const auto count = static_cast<Offset>(dropped.size());
  const Offset misfit = first_misfit(count, [&](Offset i) {
    return dropped[i] > (i == 0 ? -1 : dropped[i - 1]) && dropped[i] < before.connections();
  });
  ensure(misfit == count, "edit drops position {}, which does not exist or is out of order",
         misfit < count ? dropped[misfit] : 0);
  return {before.connections(), std::span<const Offset>(dropped)};
}

}  // namespace

KeptConnections::KeptConnections(const Topology& before, const LayerEdit& edit)
    : by_row_({before.row_ptrs, before.col_idxs, edit.removed_rows, edit.removed_cols, before.cols, "row",
               "column"},
              dropped_positions(before, edit)) {}

Scratch<Real> KeptConnections::values(std::span<const Real> array) const {
  Scratch<Real> kept(static_cast<std::size_t>(connections() + Moves::padding));
  by_row_.moves().keep(array, kept.data());
  return kept;
}

}  // namespace plexus
