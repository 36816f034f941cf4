#include "src/nn/tile_weights.hpp"

#include "src/nn/row_weights.hpp"

namespace plexus {

Index TileWeights::pick_from(Index first, Offset connections) {
  thread_local std::vector<Offset> starts;
  thread_local std::vector<Real> memory;
  Index end = first;
  Offset count = 0;
  starts.clear();
  do {
    starts.push_back(count);
    count += connections_of(end++);
  } while (end < tiles_.tiles() && count + connections_of(end) <= connections);
  if (!picks()) return end;

  if (static_cast<Offset>(memory.size()) < count) memory.resize(static_cast<std::size_t>(count));
  first_ = first;
  starts_ = starts.data();
  picked_ = memory.data();
  for (Index tile = first; tile < end; ++tile) {
    Real* out = memory.data() + starts_[tile - first];
    if (places_ != nullptr) {
      pick_weights(places_ + tiles_.first(tile, threads_.begin), weights_, connections_of(tile), out);
    } else {
      pick_column_by_column(tile, out);
    }
  }
  return end;
}

void TileWeights::pick_column_by_column(Index tile, Real* __restrict picked) const {
  const std::size_t thread = threads_.begin;
  const RowRange rows = tiles_.rows_of(thread);
  thread_local std::vector<std::uint32_t> next;  // by row
  next.resize(static_cast<std::size_t>(rows.end - rows.begin));
  std::uint32_t connections = 0;
  for (Index i = 0; i < rows.end - rows.begin; ++i) {
    const Index block = i - i % ColumnTiles::block_rows;
    next[static_cast<std::size_t>(block + tiles_.rows(tile)[rows.begin + i])] = connections;
    connections += tiles_.counts(tile)[rows.begin + i];
  }
  const Offset* const col_ptrs = columns_->col_ptrs.data();
  const Index* const row_idxs = columns_->row_idxs.data();
  // Connections of the thread's rows in a column.
  const bool last = thread + 1 == row_starts_->size();
  const auto first_in = [&](std::size_t col) -> Offset {
    return thread == 0 ? col_ptrs[col] : (*row_starts_)[thread][col];
  };
  const auto end_in = [&](std::size_t col) -> Offset {
    return last ? col_ptrs[col + 1] : (*row_starts_)[thread + 1][col];
  };
  const auto place_of = [&](Offset p) -> std::uint32_t& {
    return next[static_cast<std::size_t>(row_idxs[p] - rows.begin)];
  };
  const auto end_col = static_cast<std::size_t>(tiles_.end_col(tile));
  for (auto col = static_cast<std::size_t>(tiles_.first_col(tile)); col < end_col; ++col) {
    if (col + 1 < end_col) {
      // Each of these places is in another cache line: a column ahead they are asked for.
      const Offset end = end_in(col + 1);
      for (Offset p = first_in(col + 1); p < end; ++p) __builtin_prefetch(picked + place_of(p), 1);
    }
    const Offset end = end_in(col);
    for (Offset p = first_in(col); p < end; ++p) picked[place_of(p)++] = weights_[p];
  }
}

}  // namespace plexus
