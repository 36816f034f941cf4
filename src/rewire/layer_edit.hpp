#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/sparse/transposed_index.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// A connection that an edit adds.
struct GrownConnection {
  Index row = 0;  ///< numbered as after the edit
  Index col = 0;  ///< numbered as after the edit
  Real value = 0;
  bool operator==(const GrownConnection&) const = default;
};

/// Everything that one rewiring changes in one layer, pruned neurons included: the only thing that may change
/// a `Topology`. A pure function of the model state, hence the same on every rank.
struct LayerEdit {
  std::uint64_t generation = 0;     ///< of the topology this edit was made for; any other is refused
  std::vector<Index> removed_rows;  ///< pruned neurons of this layer, ascending, numbered as before the edit
  std::vector<Index> removed_cols;  ///< pruned neurons of the layer before, ascending, numbered as before
  std::vector<Offset> dropped;      ///< ascending positions; includes every connection of a removed neuron
  std::vector<GrownConnection> grown;  ///< ascending by (row, col), cells that are empty after the drop

  [[nodiscard]] bool empty() const {
    return removed_rows.empty() && removed_cols.empty() && dropped.empty() && grown.empty();
  }
  bool operator==(const LayerEdit&) const = default;
};

/// The edits of all layers, made at the end of one epoch.
using EditList = std::vector<LayerEdit>;

/// What a grown connection starts with in an array that is aligned with the connections.
enum class Grown {
  value,  ///< GrownConnection::value
  zero,
};

/// An array with one entry a connection, which follows an edit.
struct CarriedArray {
  std::vector<Real>* array;
  Grown grown;
};

/// The topology after `edit`, with generation + 1. Columns stay ascending; surviving neurons keep their
/// order. The `arrays`, in row order, become what they are after the edit: surviving connections keep their
/// entry. Time O(connections + rows + cols), in parallel; memory for one more copy of the pattern, or of an
/// array.
/// @throws Fault if `edit` was made for another generation or names a position or cell that does not fit, or
/// if an array has another length. The arrays are as before then.
[[nodiscard]] Topology edited(Topology before, const LayerEdit& edit,
                              std::span<const CarriedArray> arrays = {});

/// The same for a topology that is also stored column by column, and arrays in column order.
/// @param columns  the index of `before`, which becomes that of the result
[[nodiscard]] Topology edited(Topology before, TransposedIndex& columns, const LayerEdit& edit,
                              std::span<const CarriedArray> by_column);

/// Removes the entries of `array` (one per row or column) that stand at the ascending places `removed`.
template <class T>
[[nodiscard]] std::vector<T> without(const std::vector<T>& array, const std::vector<Index>& removed) {
  std::vector<T> kept;
  kept.reserve(array.size() - removed.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (next < removed.size() && static_cast<std::size_t>(removed[next]) == i) {
      ++next;
    } else {
      kept.push_back(array[i]);
    }
  }
  return kept;
}

}  // namespace plexus
