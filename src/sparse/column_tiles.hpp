#pragma once

#include <cstdint>
#include <vector>

#include "src/sparse/slabs.hpp"
#include "src/sparse/topology.hpp"
#include "src/sparse/transposed_index.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The connections of a topology tile after tile of neighbouring columns, in a tile block after block of
/// neighbouring rows. Who goes through a layer in this order reads at random only values of one tile's
/// columns, which a cache holds; of each row it keeps the sums in memory from one tile to the next. The
/// connections of a tile lie side by side in column order too, so that a tile begins where its first column
/// does.
///
/// The rows of a block come in the order of how many connections they have in the tile: a loop over the
/// connections of a row is then nearly always as long as the one before, which the processor foresees.
class ColumnTiles {
 public:
  /// Most columns of a tile.
  static constexpr Index most_cols = Index{1} << 15;
  /// Bytes of a tile's columns, for a slab, that mostly come from the L1 cache. Of half of them all do, but
  /// rows go through twice as many tiles.
  static constexpr Offset near_bytes = Offset{64} << 10;
  /// Rows of a block; the last one of a thread may have fewer.
  static constexpr Index block_rows = 128;

  ColumnTiles() = default;
  /// Time O(connections + rows x tiles), in parallel.
  /// @param columns     the index of `topology`
  /// @param tile_cols   columns of a tile, a power of two, at most `most_cols`
  /// @param row_cuts    where the rows of each thread begin, and the end of the last
  ColumnTiles(const Topology& topology, const TransposedIndex& columns, Index tile_cols,
              const std::vector<Index>& row_cuts);

  /// Columns of a tile so that their values for a slab take `near_bytes`, half of it where rows are twice as
  /// long as they have to be, or else at most `cached_bytes`; 0 where there would be only few tiles, or few
  /// connections of a row in each.
  /// @param least_near_run  connections of a row that tiles of `near_bytes` must hold
  [[nodiscard]] static Index worthwhile_cols(Index rows, Index cols, Offset connections, Offset cached_bytes,
                                             Offset least_near_run);

  /// Most bytes of a connection that worthwhile tiles take.
  static constexpr double bytes_of_connection = 2.75;

  [[nodiscard]] bool empty() const { return cols_.empty(); }
  [[nodiscard]] Index tiles() const { return tiles_; }
  [[nodiscard]] Index first_col(Index tile) const { return tile * tile_cols_; }
  [[nodiscard]] Index end_col(Index tile) const;
  [[nodiscard]] RowRange rows_of(std::size_t thread) const {
    return {row_cuts_[thread], row_cuts_[thread + 1]};
  }
  /// Where the connections of a thread's rows begin in a tile; with the number of threads, their end.
  [[nodiscard]] Offset first(Index tile, std::size_t thread) const {
    return first_[static_cast<std::size_t>(tile)][thread];
  }
  /// For each connection its column, counted from the first of the tile.
  [[nodiscard]] const std::uint16_t* cols() const { return cols_.data(); }
  /// The rows in the order of a tile, each counted from the first of its block. Blocks begin at the rows of a
  /// thread.
  [[nodiscard]] const std::uint8_t* rows(Index tile) const {
    return row_order_.data() + static_cast<Offset>(tile) * rows_;
  }
  /// For each of these rows its connections in the tile.
  [[nodiscard]] const std::uint16_t* counts(Index tile) const {
    return counts_.data() + static_cast<Offset>(tile) * rows_;
  }

  /// An array with one entry a connection, sorted from row order into the order of the tiles, in parallel.
  [[nodiscard]] std::vector<std::uint32_t> in_tile_order(const std::vector<std::uint32_t>& by_row,
                                                         const Topology& topology) const;

 private:
  /// Calls f(connection in row order, connections, first of them in the order of the tiles) for each row of a
  /// tile that has any, among those of a thread.
  template <class F>
  void for_each_run(const Topology& topology, std::size_t thread, F&& f) const;
  void sort_block(Index tile, RowRange block);

  Index rows_ = 0;
  Index all_cols_ = 0;
  Index tile_cols_ = 0;
  Index tiles_ = 0;
  std::vector<Index> row_cuts_;
  std::vector<std::uint16_t> cols_;
  std::vector<std::uint8_t> row_order_;     // tile after tile
  std::vector<std::uint16_t> counts_;       // the same
  std::vector<std::vector<Offset>> first_;  // of each tile, by thread
};

}  // namespace plexus
