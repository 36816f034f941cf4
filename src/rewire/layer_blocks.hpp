#pragma once

#include <algorithm>
#include <span>

#include "src/sparse/topology.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Blocks of one layer: its rows and its columns cut into as many ranges of stable ids, row block b and
/// column block b being one block. A block says nothing about parts or ranks, and a neuron never changes its
/// block.
///
///     6 rows, 9 columns, 3 blocks     rows 0 1: columns 0 1 2     rows 2 3: columns 3 4 5     ...
///
/// Where the layer has fewer rows or columns than blocks are asked for, it has as many blocks as that, so
/// each row has columns in its block and each column rows. Owns nothing.
class LayerBlocks {
 public:
  /// @param blocks   1 or more; as many as the layer can have, at most
  /// @param row_ids  stable ids of rows, ascending: all of the layer, or a slice
  /// @param col_ids  of all columns
  LayerBlocks(Offset blocks, Offset original_rows, Offset original_cols, std::span<const NeuronId> row_ids,
              std::span<const NeuronId> col_ids)
      : blocks_(std::min({blocks, original_rows, original_cols})),
        original_rows_(original_rows),
        original_cols_(original_cols),
        row_ids_(row_ids),
        col_ids_(col_ids) {}

  /// Calls f(row, begin, end) for each row from `first` to `last`: columns `begin` to `end` are in its block.
  template <class F>
  void for_each_row(Offset first, Offset last, F&& f) const {
    Offset block = -1;
    Index begin = 0;
    Index end = 0;
    for (Offset row = first; row < last; ++row) {
      const Offset of_row = row_ids_[row] * blocks_ / original_rows_;
      if (of_row != block) {
        block = of_row;
        begin = first_col(block);
        end = first_col(block + 1);
      }
      f(row, begin, end);
    }
  }

 private:
  /// The first column of a block, or where it would be.
  [[nodiscard]] Index first_col(Offset block) const {
    const NeuronId least = (block * original_cols_ + blocks_ - 1) / blocks_;
    return static_cast<Index>(std::ranges::lower_bound(col_ids_, least) - col_ids_.begin());
  }

  Offset blocks_;
  Offset original_rows_;
  Offset original_cols_;
  std::span<const NeuronId> row_ids_;
  std::span<const NeuronId> col_ids_;
};

}  // namespace plexus
