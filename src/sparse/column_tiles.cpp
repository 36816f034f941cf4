#include "src/sparse/column_tiles.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "src/sparse/slabs.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Tiles from which on, and connections of a row in a tile from which on, tiles are worth it. Measured.
constexpr Index least_tiles = 3;
constexpr Offset least_run = 4;
static_assert(2 + 2.0 / least_run <= ColumnTiles::bytes_of_connection);
constexpr Index least_cols = 256;

Index tiles_of(Index cols, Index tile_cols) { return (cols + tile_cols - 1) / tile_cols; }

}  // namespace

Index ColumnTiles::worthwhile_cols(Index rows, Index cols, Offset connections, Offset cached_bytes) {
  const Offset bytes_of_column = slab_bytes(1, slab_lines_for(cols));
  const Offset fitting = std::clamp<Offset>(cached_bytes / bytes_of_column, least_cols, most_cols);
  const auto tile_cols = static_cast<Index>(std::bit_floor(static_cast<std::uint64_t>(fitting)));
  const Index tiles = tiles_of(cols, tile_cols);
  const bool worthwhile = tiles >= least_tiles && connections >= least_run * tiles * rows;
  return worthwhile ? tile_cols : 0;
}

ColumnTiles::ColumnTiles(const Topology& topology, const TransposedIndex& columns, Index tile_cols,
                         const std::vector<Index>& row_cuts)
    : rows_(topology.rows),
      all_cols_(topology.cols),
      tile_cols_(tile_cols),
      tiles_(tiles_of(topology.cols, tile_cols)) {
  ensure(std::has_single_bit(static_cast<std::uint32_t>(tile_cols)) && tile_cols <= most_cols,
         "tiles of {} columns", tile_cols);
  const int shift = std::countr_zero(static_cast<std::uint32_t>(tile_cols));
  const auto threads = row_cuts.size() - 1;
  const Index* col_idxs = topology.col_idxs.data();
  cols_.resize(topology.col_idxs.size());
  counts_.resize(static_cast<std::size_t>(tiles_) * static_cast<std::size_t>(rows_));
  first_.assign(static_cast<std::size_t>(tiles_), std::vector<Offset>(threads));
  for_each_part(static_cast<int>(threads), [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    std::vector<Offset> of_tile(static_cast<std::size_t>(tiles_), 0);
    for (Index row = row_cuts[t]; row < row_cuts[t + 1]; ++row) {
      const Offset end = topology.row_ptrs[row + std::size_t{1}];
      for (Offset p = topology.row_ptrs[row]; p < end;) {
        const Index tile = col_idxs[p] >> shift;
        const Offset first = p;
        while (p < end && col_idxs[p] >> shift == tile) ++p;
        counts_[static_cast<Offset>(tile) * rows_ + row] = static_cast<std::uint16_t>(p - first);
        of_tile[tile] += p - first;
      }
    }
    for (Index tile = 0; tile < tiles_; ++tile) first_[tile][t] = of_tile[tile];
  });
  for (Index tile = 0; tile < tiles_; ++tile) {
    Offset place = columns.col_ptrs[first_col(tile)];
    for (Offset& of_thread : first_[tile]) place += std::exchange(of_thread, place);
  }
  for_each_part(static_cast<int>(threads), [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    std::vector<Offset> next;
    for (const auto& of_tile : first_) next.push_back(of_tile[t]);
    Offset p = topology.row_ptrs[row_cuts[t]];
    for (Index row = row_cuts[t]; row < row_cuts[t + 1]; ++row) {
      for (Index tile = 0; tile < tiles_; ++tile) {
        const Offset end = p + counts(tile)[row];
        const Offset first = next[tile];
        next[tile] += counts(tile)[row];
        for (std::uint16_t* to = cols_.data() + first; p < end; ++p)
          *to++ = static_cast<std::uint16_t>(col_idxs[p] & (tile_cols - 1));
      }
    }
  });
}

Index ColumnTiles::end_col(Index tile) const { return std::min(all_cols_, first_col(tile + 1)); }

}  // namespace plexus
