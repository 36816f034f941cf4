#include "src/sparse/column_tiles.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/sparse/slabs.hpp"
#include "src/support/parallel.hpp"
#include "src/support/random_stream.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

Topology random_topology(Index rows, Index cols, double density) {
  return erdos_renyi(rows, cols, density, RandomStream(3, Purpose::topology));
}

TEST(ColumnTiles, HoldEveryConnectionTileAfterTileRowAfterRow) {
  for (const double density : {0.0, 0.1, 1.0}) {
    const Topology topology = random_topology(17, 75, density);
    const TransposedIndex columns = transposed(topology);
    for (const int threads : thread_counts) {
      with_threads(threads, [&] {
        const auto cuts = balanced_cuts(topology.row_ptrs, threads);
        const ColumnTiles tiles(topology, columns, 16, cuts);

        ASSERT_EQ(tiles.tiles(), 5);
        EXPECT_EQ(tiles.end_col(4), 75);
        Topology rebuilt = topology;
        std::vector<Offset> next = topology.row_ptrs;
        for (Index tile = 0; tile < 5; ++tile) {
          EXPECT_EQ(tiles.first(tile, 0), columns.col_ptrs[static_cast<std::size_t>(tiles.first_col(tile))]);
          for (std::size_t thread = 0; thread + 1 < cuts.size(); ++thread) {
            const std::uint16_t* col = tiles.cols() + tiles.first(tile, thread);
            for (Index row = cuts[thread]; row < cuts[thread + 1]; ++row) {
              for (int i = 0; i < tiles.counts(tile)[row]; ++i)
                rebuilt.col_idxs.at(static_cast<std::size_t>(next[static_cast<std::size_t>(row)]++)) =
                    tiles.first_col(tile) + *col++;
            }
          }
        }
        EXPECT_EQ(rebuilt, topology) << threads << " threads, density " << density;
      });
    }
  }
}

TEST(ColumnTiles, AreWorthItForWideLayersWithRowsThatAreLongEnough) {
  constexpr Offset cached_bytes = Offset{512} << 10;
  EXPECT_EQ(ColumnTiles::worthwhile_cols(100, 10000, 10000, cached_bytes), 2048) << "five tiles";
  EXPECT_EQ(ColumnTiles::worthwhile_cols(100, 10000, 1999, cached_bytes), 0) << "too few connections";
  EXPECT_EQ(ColumnTiles::worthwhile_cols(100, 4096, 40000, cached_bytes), 0) << "two tiles";
  EXPECT_EQ(ColumnTiles::worthwhile_cols(100, 40000, 40000, cached_bytes), 4096) << "two lines a slab";
  EXPECT_EQ(ColumnTiles::worthwhile_cols(100, 40000, 40000, Offset{1} << 50), 0) << "one tile";
}

}  // namespace
}  // namespace plexus
