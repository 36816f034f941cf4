#pragma once

#include <cstdint>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/sparse/transposed_index.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The connections of a topology tile after tile of neighbouring columns, in a tile row after row. Who goes
/// through a layer in this order reads at random only values of one tile's columns, which the cache holds; of
/// each row it keeps the sums in memory from one tile to the next. The connections of a tile lie side by side
/// in column order too, so that a tile begins where its first column does.
class ColumnTiles {
 public:
  /// Most columns of a tile.
  static constexpr Index most_cols = Index{1} << 15;

  ColumnTiles() = default;
  /// Time O(connections + rows x tiles), in parallel.
  /// @param columns     the index of `topology`
  /// @param tile_cols   columns of a tile, a power of two, at most `most_cols`
  /// @param row_cuts    where the rows of each thread begin, and the end of the last
  ColumnTiles(const Topology& topology, const TransposedIndex& columns, Index tile_cols,
              const std::vector<Index>& row_cuts);

  /// Columns of a tile so that the values of a tile's columns take at most `cached_bytes`; 0 where there
  /// would be only few tiles, or few connections of a row in each.
  [[nodiscard]] static Index worthwhile_cols(Index rows, Index cols, Offset connections, Offset cached_bytes);

  /// Most bytes of a connection that worthwhile tiles take.
  static constexpr double bytes_of_connection = 2.5;

  [[nodiscard]] bool empty() const { return cols_.empty(); }
  [[nodiscard]] Index tiles() const { return tiles_; }
  [[nodiscard]] Index first_col(Index tile) const { return tile * tile_cols_; }
  [[nodiscard]] Index end_col(Index tile) const;
  /// Where the connections of a thread's rows begin in a tile.
  [[nodiscard]] Offset first(Index tile, std::size_t thread) const {
    return first_[static_cast<std::size_t>(tile)][thread];
  }
  /// For each connection its column, counted from the first of the tile.
  [[nodiscard]] const std::uint16_t* cols() const { return cols_.data(); }
  /// For each row its connections in a tile.
  [[nodiscard]] const std::uint16_t* counts(Index tile) const {
    return counts_.data() + static_cast<Offset>(tile) * rows_;
  }

 private:
  Index rows_ = 0;
  Index all_cols_ = 0;
  Index tile_cols_ = 0;
  Index tiles_ = 0;
  std::vector<std::uint16_t> cols_;
  std::vector<std::uint16_t> counts_;       // tile after tile
  std::vector<std::vector<Offset>> first_;  // of each tile, by thread
};

}  // namespace plexus
