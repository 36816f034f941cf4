#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/sparse/slabs.hpp"
#include "src/sparse/topology.hpp"
#include "src/sparse/transposed_index.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Picks `count` weights.
/// @param places  where they are in `weights`
inline void pick_weights(const std::uint32_t* __restrict places, const Real* weights, Offset count,
                         Real* __restrict picked) {
  for (Offset i = 0; i < count; ++i) picked[i] = weights[places[i]];
}

/// The weights of one stretch of rows after the other, for who goes through rows in order.
class RowWeights {
 public:
  /// Of a layer whose weights are sorted by row.
  RowWeights(const Topology& topology, const Real* sorted) : topology_(topology), weights_(sorted) {}
  /// Picks weights out of column order.
  /// @param places  in column order, of all connections in row order
  RowWeights(const Topology& topology, const std::vector<Real>& by_column, const std::uint32_t* places)
      : topology_(topology), weights_(by_column.data()), places_(places) {}
  /// The same without a map: worth it for stretches of many connections.
  /// @param next  for each column the place of its next weight
  RowWeights(const Topology& topology, const std::vector<Real>& by_column, const TransposedIndex& columns,
             std::uint32_t* next)
      : topology_(topology), weights_(by_column.data()), columns_(&columns), next_(next) {}

  /// Those of the rows in `stretch`, which begins where the one before ended. Until the calling thread's next
  /// call.
  [[nodiscard]] const Real* of(RowRange stretch) {
    const Offset first = topology_.row_ptrs[static_cast<std::size_t>(stretch.begin)];
    const Offset count = topology_.row_ptrs[static_cast<std::size_t>(stretch.end)] - first;
    if (places_ == nullptr && next_ == nullptr) return weights_ + first;
    thread_local std::vector<Real> picked;
    if (static_cast<Offset>(picked.size()) < count) picked.resize(static_cast<std::size_t>(count));
    if (places_ != nullptr) {
      pick_weights(places_ + first, weights_, count, picked.data());
    } else {
      pick_column_by_column(stretch, picked.data());
    }
    return picked.data();
  }

 private:
  /// Each column has the weights of a stretch side by side, in the order of their rows. To pick them row by
  /// row would fetch a cache line for each of them.
  void pick_column_by_column(RowRange stretch, Real* __restrict picked) {
    thread_local std::vector<std::uint32_t> row_next;
    const auto row_ptrs = topology_.row_ptrs.begin() + stretch.begin;
    const Offset first = *row_ptrs;
    row_next.resize(static_cast<std::size_t>(stretch.end - stretch.begin));
    std::transform(row_ptrs, row_ptrs + (stretch.end - stretch.begin), row_next.begin(),
                   [first](Offset begin) { return static_cast<std::uint32_t>(begin - first); });
    std::uint32_t* place_of = row_next.data();
    const Index* rows = columns_->row_idxs.data();
    for (Index col = 0; col < topology_.cols; ++col) {
      const auto end = static_cast<std::uint32_t>(columns_->col_ptrs[static_cast<std::size_t>(col) + 1]);
      std::uint32_t p = next_[col];
      for (; p < end && rows[p] < stretch.end; ++p) picked[place_of[rows[p] - stretch.begin]++] = weights_[p];
      next_[col] = p;
    }
  }

  const Topology& topology_;
  const Real* weights_;
  const std::uint32_t* places_ = nullptr;
  const TransposedIndex* columns_ = nullptr;
  std::uint32_t* next_ = nullptr;
};

}  // namespace plexus
