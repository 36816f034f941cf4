#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/sparse/column_tiles.hpp"
#include "src/sparse/transposed_index.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Neighbouring threads among whom the rows of a layer are divided, [begin, end).
struct ThreadRange {
  std::size_t begin;
  std::size_t end;
};

/// The weights of some threads' rows, for who goes through the tiles of a layer in order.
class TileWeights {
 public:
  /// Of a layer whose weights are sorted in the order of the tiles.
  TileWeights(const ColumnTiles& tiles, ThreadRange threads, const Real* sorted)
      : tiles_(tiles), threads_(threads), weights_(sorted) {}
  /// Picks weights out of column order.
  /// @param places  in column order, of all connections in the order of the tiles
  TileWeights(const ColumnTiles& tiles, ThreadRange threads, const Real* by_column,
              const std::uint32_t* places)
      : tiles_(tiles), threads_(threads), weights_(by_column), places_(places) {}
  /// The same without a map, of one thread's rows.
  /// @param row_starts  by thread, but empty for the first: for each column the place of its first connection
  ///                    in the thread's rows
  TileWeights(const ColumnTiles& tiles, std::size_t thread, const Real* by_column,
              const TransposedIndex& columns, const std::vector<std::vector<std::uint32_t>>& row_starts)
      : tiles_(tiles),
        threads_{thread, thread + 1},
        weights_(by_column),
        columns_(&columns),
        row_starts_(&row_starts) {}

  /// Makes ready the weights of the tiles from `first` on, of as many as have `connections` together, at
  /// least one. Until the calling thread's next call.
  /// @returns the end of these tiles
  Index pick_from(Index first, Offset connections);

  /// Those of a tile that is ready.
  [[nodiscard]] const Real* of(Index tile) const {
    return picks() ? picked_ + starts_[tile - first_] : weights_ + tiles_.first(tile, threads_.begin);
  }

 private:
  [[nodiscard]] bool picks() const { return places_ != nullptr || columns_ != nullptr; }
  /// Connections of the threads' rows in a tile.
  [[nodiscard]] Offset connections_of(Index tile) const {
    return tiles_.first(tile, threads_.end) - tiles_.first(tile, threads_.begin);
  }
  void pick_column_by_column(Index tile, Real* __restrict picked) const;

  const ColumnTiles& tiles_;
  ThreadRange threads_;
  const Real* weights_;
  const std::uint32_t* places_ = nullptr;
  const TransposedIndex* columns_ = nullptr;
  const std::vector<std::vector<std::uint32_t>>* row_starts_ = nullptr;
  const Real* picked_ = nullptr;
  Index first_ = 0;
  const Offset* starts_ = nullptr;  ///< of each tile that is ready, among the picked
};

}  // namespace plexus
