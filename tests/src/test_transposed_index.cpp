#include "src/sparse/transposed_index.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

std::vector<std::uint32_t> column_places_of(const Topology& topology, const TransposedIndex& t) {
  std::vector<std::uint32_t> places = {7, 7, 7, 7, 7};  // of a pattern before
  column_places(topology, t, places);
  return places;
}

TEST(TransposedIndex, ListsEachColumnWithAscendingRows) {
  const Topology topology = topology_of({"x.x.",  //
                                         "....",  //
                                         "xx.."});

  const TransposedIndex t = transposed(topology);

  EXPECT_EQ(t.col_ptrs, (std::vector<Offset>{0, 2, 3, 4, 4}));
  EXPECT_EQ(t.row_idxs, (std::vector<Index>{0, 2, 2, 0}));
  EXPECT_EQ(row_positions(topology, t), (std::vector<std::uint32_t>{0, 2, 3, 1}));
  EXPECT_EQ(column_places_of(topology, t), (std::vector<std::uint32_t>{0, 3, 1, 2}));
  const std::uint64_t first_and_last = 0b1001;
  EXPECT_EQ(marks_in_column_order(&first_and_last, topology, t), (std::vector<std::uint64_t>{0b0101}));
  EXPECT_EQ(in_column_order({1, 2, 3, 4}, topology, t), (std::vector<Real>{1, 3, 4, 2}));
  EXPECT_EQ(in_row_order({1, 3, 4, 2}, topology, t), (std::vector<Real>{1, 2, 3, 4}));
  EXPECT_EQ(places_from(t.col_ptrs, t.row_idxs, 1), (std::vector<std::uint32_t>{1, 2, 4, 4}));
}

TEST(TransposedIndex, HoldsEachConnectionInItsColumnForAnyNumberOfThreads) {
  for (const auto& [rows, cols, density] : std::vector<std::tuple<Index, Index, double>>{{0, 5, 0.5},
                                                                                         {5, 0, 0.5},
                                                                                         {700, 900, 0.2},
                                                                                         {40, 20000, 0.1},
                                                                                         {20000, 40, 0.1},
                                                                                         {30000, 20001, 2e-4},
                                                                                         {1500, 1000, 0.4},
                                                                                         {2, 5000, 1e-3},
                                                                                         {3, 7, 1.0}}) {
    const Topology topology = erdos_renyi(rows, cols, density, RandomStream(1, Purpose::topology));
    std::vector<std::vector<std::pair<Index, std::uint32_t>>> columns(static_cast<std::size_t>(cols));
    for (Index row = 0; row < rows; ++row) {
      for (Offset p = topology.row_ptrs[row]; p < topology.row_ptrs[row + 1]; ++p) {
        columns[topology.col_idxs[p]].emplace_back(row, static_cast<std::uint32_t>(p));
      }
    }
    std::vector<Real> numbers(topology.col_idxs.size());
    std::iota(numbers.begin(), numbers.end(), Real{0});
    std::vector<std::uint64_t> marks(topology.col_idxs.size() / 64 + 1, 0);
    for (std::size_t i = 0; i < topology.col_idxs.size(); i += 3 + i % 5) marks[i / 64] |= 1ULL << i % 64;
    const auto marked = [](const std::vector<std::uint64_t>& words, std::size_t i) {
      return (words[i / 64] >> i % 64 & 1) != 0;
    };
    for (const int threads : thread_counts) {
      const TransposedIndex t = with_threads(threads, [&] { return transposed(topology); });
      const auto positions = with_threads(threads, [&] { return row_positions(topology, t); });
      const auto places = with_threads(threads, [&] { return column_places_of(topology, t); });
      const auto gathered =
          with_threads(threads, [&] { return marks_in_column_order(marks.data(), topology, t); });

      const auto by_column = with_threads(threads, [&] { return in_column_order(numbers, topology, t); });
      EXPECT_EQ(with_threads(threads, [&] { return in_row_order(by_column, topology, t); }), numbers);

      ASSERT_EQ(t.col_ptrs.size(), columns.size() + 1);
      ASSERT_EQ(t.row_idxs.size(), topology.col_idxs.size());
      ASSERT_EQ(positions.size(), topology.col_idxs.size());
      ASSERT_EQ(t.col_ptrs.back(), topology.connections());
      Offset place = 0;
      for (Index col = 0; col < cols; ++col) {
        ASSERT_EQ(t.col_ptrs[col], place);
        for (const auto& [row, source] : columns[col]) {
          ASSERT_EQ(t.row_idxs[place], row) << threads << " threads, column " << col;
          ASSERT_EQ(positions[place], source) << threads << " threads, column " << col;
          ASSERT_EQ(places[source], place) << threads << " threads, column " << col;
          ASSERT_EQ(by_column[place], numbers[source]) << threads << " threads, column " << col;
          ASSERT_EQ(marked(gathered, static_cast<std::size_t>(place)), marked(marks, source));
          ++place;
        }
      }
    }
  }
}

}  // namespace
}  // namespace plexus
