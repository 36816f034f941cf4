#include "src/sparse/column_tiles.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "src/sparse/slabs.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Tiles from which on, and connections of a row in a tile from which on, tiles are worth it. Measured.
constexpr Index least_tiles = 3;
constexpr Offset least_run = 4;
static_assert(2 + 3.0 / least_run <= ColumnTiles::bytes_of_connection);
constexpr Index least_wide_cols = 256;

Index tiles_of(Index cols, Index tile_cols) { return (cols + tile_cols - 1) / tile_cols; }

}  // namespace

Index ColumnTiles::worthwhile_cols(Index rows, Index cols, Offset connections, Offset cached_bytes,
                                   Offset least_near_run) {
  struct Tiling {
    Index cols;
    Offset run;  ///< connections of a row in a tile; 0 where there are too few tiles
  };
  const Offset bytes_of_column = slab_bytes(1, slab_lines_for(cols));
  const auto tiling = [&](Offset bytes) -> Tiling {
    const auto fitting = static_cast<std::uint64_t>(bytes / bytes_of_column);
    const auto tile_cols = static_cast<Index>(std::bit_floor(fitting));
    const Offset tiles = tiles_of(cols, tile_cols);
    return {tile_cols, tiles < least_tiles ? 0 : connections / std::max<Offset>(1, tiles * rows)};
  };
  const Offset near_run = std::max(least_near_run, least_run);
  const Tiling half = tiling(near_bytes / 2);
  const Tiling near = tiling(near_bytes);
  const Tiling wide =
      tiling(std::clamp(cached_bytes, least_wide_cols * bytes_of_column, most_cols * bytes_of_column));
  if (half.run / 2 >= near_run) return half.cols;
  if (near.run >= near_run) return near.cols;
  return wide.run >= least_run ? wide.cols : 0;
}

ColumnTiles::ColumnTiles(const Topology& topology, const TransposedIndex& columns, Index tile_cols,
                         const std::vector<Index>& row_cuts)
    : rows_(topology.rows),
      all_cols_(topology.cols),
      tile_cols_(tile_cols),
      tiles_(tiles_of(topology.cols, tile_cols)),
      row_cuts_(row_cuts) {
  ensure(std::has_single_bit(static_cast<std::uint32_t>(tile_cols)) && tile_cols <= most_cols,
         "tiles of {} columns", tile_cols);
  const int shift = std::countr_zero(static_cast<std::uint32_t>(tile_cols));
  const auto threads = row_cuts.size() - 1;
  const Index* col_idxs = topology.col_idxs.data();
  const auto of_all_tiles = static_cast<std::size_t>(tiles_) * static_cast<std::size_t>(rows_);
  cols_.resize(topology.col_idxs.size());
  row_order_.resize(of_all_tiles);
  counts_.resize(of_all_tiles);
  first_.assign(static_cast<std::size_t>(tiles_), std::vector<Offset>(threads + 1));
  for_each_part(static_cast<int>(threads), [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    std::vector<Offset> of_tile(static_cast<std::size_t>(tiles_), 0);
    for (RowRange block{row_cuts[t], 0}; block.begin < row_cuts[t + 1]; block.begin = block.end) {
      block.end = std::min(row_cuts[t + 1], block.begin + block_rows);
      for (Index row = block.begin; row < block.end; ++row) {
        const Offset end = topology.row_ptrs[row + std::size_t{1}];
        for (Offset p = topology.row_ptrs[row]; p < end;) {
          const Index tile = col_idxs[p] >> shift;
          const Offset first = p;
          while (p < end && col_idxs[p] >> shift == tile) ++p;
          counts_[static_cast<Offset>(tile) * rows_ + row] = static_cast<std::uint16_t>(p - first);
          of_tile[tile] += p - first;
        }
      }
      for (Index tile = 0; tile < tiles_; ++tile) sort_block(tile, block);
    }
    for (Index tile = 0; tile < tiles_; ++tile) first_[tile][t] = of_tile[tile];
  });
  for (Index tile = 0; tile < tiles_; ++tile) {
    Offset place = columns.col_ptrs[first_col(tile)];
    for (Offset& of_thread : first_[tile]) place += std::exchange(of_thread, place);
  }
  for_each_part(static_cast<int>(threads), [&](int thread) {
    for_each_run(topology, static_cast<std::size_t>(thread), [&](Offset p, int count, Offset to) {
      for (int i = 0; i < count; ++i)
        cols_[to + i] = static_cast<std::uint16_t>(col_idxs[p + i] & (tile_cols - 1));
    });
  });
}

/// Sorts the rows of a block, ascending, by their connections in the tile; rows of as many stay in order.
void ColumnTiles::sort_block(Index tile, RowRange block) {
  std::uint16_t* const counts = counts_.data() + static_cast<Offset>(tile) * rows_ + block.begin;
  std::uint8_t* const order = row_order_.data() + static_cast<Offset>(tile) * rows_ + block.begin;
  const auto rows = static_cast<std::size_t>(block.end - block.begin);
  std::uint16_t unsorted[block_rows] = {};
  std::copy_n(counts, rows, unsorted);
  // A counting sort: places by count.
  thread_local std::vector<std::uint8_t> place;
  place.assign(std::size_t{*std::max_element(unsorted, unsorted + rows)} + 1, 0);
  for (std::size_t row = 0; row < rows; ++row) ++place[unsorted[row]];
  std::exclusive_scan(place.begin(), place.end(), place.begin(), std::uint8_t{0});
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t to = place[unsorted[row]]++;
    counts[to] = unsorted[row];
    order[to] = static_cast<std::uint8_t>(row);
  }
}

template <class F>
void ColumnTiles::for_each_run(const Topology& topology, std::size_t thread, F&& f) const {
  std::vector<Offset> tile_next;
  for (const auto& of_tile : first_) tile_next.push_back(of_tile[thread]);
  const RowRange rows = rows_of(thread);
  for (RowRange block{rows.begin, 0}; block.begin < rows.end; block.begin = block.end) {
    block.end = std::min(rows.end, block.begin + block_rows);
    Offset row_next[block_rows];
    std::copy(topology.row_ptrs.begin() + block.begin, topology.row_ptrs.begin() + block.end, row_next);
    for (Index tile = 0; tile < tiles_; ++tile) {
      const std::uint8_t* order = this->rows(tile) + block.begin;
      const std::uint16_t* counts = this->counts(tile) + block.begin;
      Offset& to = tile_next[static_cast<std::size_t>(tile)];
      for (Index i = 0; i < block.end - block.begin; ++i) {
        f(row_next[order[i]], int{counts[i]}, to);
        row_next[order[i]] += counts[i];
        to += counts[i];
      }
    }
  }
}

std::vector<std::uint32_t> ColumnTiles::in_tile_order(const std::vector<std::uint32_t>& by_row,
                                                      const Topology& topology) const {
  std::vector<std::uint32_t> sorted(by_row.size());
  for_each_part(static_cast<int>(row_cuts_.size()) - 1, [&](int thread) {
    for_each_run(topology, static_cast<std::size_t>(thread), [&](Offset p, int count, Offset to) {
      std::copy_n(by_row.begin() + p, count, sorted.begin() + to);
    });
  });
  return sorted;
}

Index ColumnTiles::end_col(Index tile) const { return std::min(all_cols_, first_col(tile + 1)); }

}  // namespace plexus
