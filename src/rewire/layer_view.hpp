#pragma once

#include <span>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// One layer as rewiring and pruning see it: whole, or the slice of its rows that one of several `LayerParts`
/// holds. Owns nothing.
struct LayerView {
  Index rows = 0;                      ///< neurons of this layer that are alive and in the slice
  Index cols = 0;                      ///< neurons of the layer before that are alive, of all parts
  const Topology* topology = nullptr;  ///< nullptr = dense: every cell is connected, row-major
  std::span<const Real> values;        ///< one a connection
  std::span<const NeuronId> row_ids;   ///< stable ids, ascending, of the slice
  std::span<const NeuronId> col_ids;   ///< stable ids, ascending
  Offset original_rows = 0;            ///< when the network was created
  Offset original_cols = 0;
  bool evolves = false;  ///< whether its connections are rewired; otherwise it only loses some
  Index first_row = 0;   ///< neurons of this layer that are in the slices of the parts before
  Index rows_after = 0;  ///< the same of the parts behind

  /// Neurons of this layer that are alive, of all parts.
  [[nodiscard]] Index all_rows() const { return first_row + rows + rows_after; }
};

/// Neurons to remove: for each hidden layer, first to last, ascending numbers as before the removal, of the
/// whole layer. Empty = nothing is removed anywhere.
using RemovedNeurons = std::vector<std::vector<Index>>;

}  // namespace plexus
