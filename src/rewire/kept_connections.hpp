#pragma once

#include <span>
#include <vector>

#include "src/rewire/kept_lines.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/sparse/topology.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// What an edit leaves of a topology, before anything grows: rows and columns are numbered as after the edit.
/// Refers to the topology and the edit, which must outlive it.
class KeptConnections {
 public:
  /// Time O(dropped + rows + cols), in parallel. Does not look at `edit.grown`.
  /// @throws Fault if `edit` was made for another generation, names positions or neurons that do not exist or
  /// are out of order, or keeps a connection of a removed row
  KeptConnections(const Topology& before, const LayerEdit& edit);

  [[nodiscard]] Index rows() const { return static_cast<Index>(row_ptrs().size()) - 1; }
  [[nodiscard]] Index cols() const { return by_row_.entry_kinds(); }
  [[nodiscard]] Offset cells() const { return static_cast<Offset>(rows()) * cols(); }
  [[nodiscard]] Offset connections() const { return row_ptrs().back(); }
  /// rows() + 1 entries
  [[nodiscard]] const std::vector<Offset>& row_ptrs() const { return by_row_.ptrs(); }
  [[nodiscard]] const KeptLines& by_row() const { return by_row_; }
  /// Positions before the edit of what it drops.
  [[nodiscard]] const MarkedPositions& dropped() const { return by_row_.moves().dropped(); }

  /// The columns of all connections, ascending in each row, with Moves::padding more entries behind them.
  /// Time O(connections), in parallel.
  /// @throws Fault if the edit keeps a connection of a removed column
  [[nodiscard]] Scratch<Index> columns() const { return by_row_.entries(); }

  /// What `array`, one entry a connection of the topology before, holds for the connections. In parallel.
  [[nodiscard]] Scratch<Real> values(std::span<const Real> array) const;

 private:
  KeptLines by_row_;
};

}  // namespace plexus
