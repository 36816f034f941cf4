#include "src/sparse/column_tiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
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

TEST(ColumnTiles, HoldEveryConnectionTileAfterTileBlockAfterBlock) {
  constexpr Index rows = 2 * ColumnTiles::block_rows + 17;
  for (const double density : {0.0, 0.1, 1.0}) {
    const Topology topology = random_topology(rows, 75, density);
    const TransposedIndex columns = transposed(topology);
    for (const int threads : thread_counts) {
      with_threads(threads, [&] {
        const auto cuts = balanced_cuts(topology.row_ptrs, threads);
        const ColumnTiles tiles(topology, columns, 16, cuts);
        std::vector<std::uint32_t> numbers(topology.col_idxs.size());
        std::iota(numbers.begin(), numbers.end(), 0U);
        numbers = tiles.in_tile_order(numbers, topology);

        ASSERT_EQ(tiles.tiles(), 5);
        EXPECT_EQ(tiles.end_col(4), 75);
        Topology rebuilt = topology;
        std::vector<Offset> next = topology.row_ptrs;
        for (Index tile = 0; tile < 5; ++tile) {
          Offset p = columns.col_ptrs[static_cast<std::size_t>(tiles.first_col(tile))];
          for (std::size_t thread = 0; thread + 1 < cuts.size(); ++thread) {
            EXPECT_EQ(tiles.first(tile, thread), p);
            for (Index begin = cuts[thread]; begin < cuts[thread + 1]; begin += ColumnTiles::block_rows) {
              const Index end = std::min(cuts[thread + 1], begin + ColumnTiles::block_rows);
              const std::uint16_t* counts = tiles.counts(tile);
              EXPECT_TRUE(std::is_sorted(counts + begin, counts + end));
              for (Index i = begin; i < end; ++i) {
                const auto row = static_cast<std::size_t>(begin + tiles.rows(tile)[i]);
                ASSERT_LT(row, static_cast<std::size_t>(end));
                for (int k = 0; k < counts[i]; ++k, ++p, ++next[row]) {
                  EXPECT_EQ(numbers.at(static_cast<std::size_t>(p)), next[row]);
                  rebuilt.col_idxs.at(static_cast<std::size_t>(next[row])) =
                      tiles.first_col(tile) + tiles.cols()[p];
                }
              }
            }
          }
          EXPECT_EQ(tiles.first(tile, cuts.size() - 1), p);
        }
        EXPECT_EQ(rebuilt, topology) << threads << " threads, density " << density;
      });
    }
  }
}

TEST(ColumnTiles, AreWorthItForWideLayersWithRowsThatAreLongEnough) {
  constexpr Offset cached_bytes = Offset{512} << 10;
  constexpr Offset never = std::numeric_limits<Offset>::max() / 2;
  const auto cols = [](Index all, Offset connections, Offset cached) {
    return ColumnTiles::worthwhile_cols(100, all, connections, cached, never);
  };
  EXPECT_EQ(cols(10000, 10000, cached_bytes), 2048) << "five tiles";
  EXPECT_EQ(cols(10000, 1999, cached_bytes), 0) << "too few connections";
  EXPECT_EQ(cols(4096, 40000, cached_bytes), 0) << "two tiles";
  EXPECT_EQ(cols(40000, 40000, cached_bytes), 4096) << "two lines a slab";
  EXPECT_EQ(cols(40000, 40000, Offset{1} << 50), 0) << "one tile";
}

TEST(ColumnTiles, FitTheL1CacheWhereRowsAreLongEnoughForThat) {
  const auto cols = [](Index all, Offset connections) {
    return ColumnTiles::worthwhile_cols(100, all, connections, Offset{1} << 50, 6);
  };
  EXPECT_EQ(cols(1024, 4 * 600), 256);
  EXPECT_EQ(cols(1024, 4 * 600 - 1), 0);
  EXPECT_EQ(cols(1024, 8 * 1200), 128);
  EXPECT_EQ(cols(1024, 8 * 1200 - 1), 256);
  EXPECT_EQ(cols(256, 25600), 0) << "two tiles";
}

TEST(ColumnTiles, TakeNoMoreMemoryThanTheySayWhateverTheTuning) {
  constexpr Index rows = 100;
  constexpr Index cols = 4096;
  for (Offset connections = rows; connections <= Offset{rows} * cols; connections += 50 * rows) {
    for (const Offset cached_bytes : {Offset{0}, Offset{1} << 20}) {
      const Index of_tile = ColumnTiles::worthwhile_cols(rows, cols, connections, cached_bytes, 1);
      if (of_tile == 0) continue;
      const double tiles = static_cast<double>((cols + of_tile - 1) / of_tile);
      EXPECT_LE(2 + 3 * tiles * rows / static_cast<double>(connections), ColumnTiles::bytes_of_connection)
          << connections << " connections";
    }
  }
}

}  // namespace
}  // namespace plexus
