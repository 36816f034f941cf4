#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/rewire/rules/uniform_growth.hpp"
#include "src/support/error.hpp"
#include "src/support/keyed_sample.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

using Cells = std::vector<std::pair<Index, Index>>;

Cells grown(const Topology& topology, Offset count, std::uint64_t seed, const LayerEdit& edit = {}) {
  const RandomStream stream(seed, Purpose::growth, 3, 1);
  const KeptConnections kept(topology, edit);
  Cells cells;
  for (const GrownConnection& connection : UniformGrowth().propose({kept, stream}, count)) {
    EXPECT_EQ(connection.value, 0);
    cells.emplace_back(connection.row, connection.col);
  }
  return cells;
}

/// All empty cells, row by row.
Cells empty_cells(const Topology& kept) {
  const auto taken = cells_of(kept);
  Cells cells;
  for (Index row = 0; row < kept.rows; ++row) {
    for (Index col = 0; col < kept.cols; ++col) {
      if (!taken.contains({row, col})) cells.emplace_back(row, col);
    }
  }
  return cells;
}

TEST(UniformGrowth, FillsALayerCompletely) {
  const Topology kept = topology_of({"x.x", "...", "xxx", ".x."});

  EXPECT_EQ(grown(kept, 6, 1), (Cells{{0, 1}, {1, 0}, {1, 1}, {1, 2}, {3, 0}, {3, 2}}));
}

TEST(UniformGrowth, TakesTheEmptyCellsThatTheSampleNames) {
  const Topology kept = erdos_renyi(20, 30, 0.3, RandomStream(1, Purpose::topology));
  const Cells empty = empty_cells(kept);

  for (const Offset count : {0, 1, 7, 100, 300}) {
    Cells expected;
    for (const Offset number :
         keyed_sample(RandomStream(9, Purpose::growth, 3, 1), static_cast<Offset>(empty.size()), count)) {
      expected.push_back(empty[number]);
    }

    EXPECT_EQ(grown(kept, count, 9), expected) << count;
  }
}

TEST(UniformGrowth, SeesWhatAnEditKeeps) {
  const Topology before = topology_of({"xx..", "xxxx", "..xx", "xx.x"});
  const LayerEdit edit{0, {1}, {0}, {0, 2, 3, 4, 5, 7, 8}, {}};

  // Left: row 0 keeps column 1, row 2 column 2, row 3 columns 1 and 3; then row 1 and column 0 are gone.
  EXPECT_EQ(grown(before, 5, 1, edit), (Cells{{0, 1}, {0, 2}, {1, 0}, {1, 2}, {2, 1}}));
}

TEST(UniformGrowth, TheNumberOfThreadsChangesNothing) {
  const Topology kept = erdos_renyi(400, 500, 0.3, RandomStream(1, Purpose::topology));

  for (const int threads : thread_counts) {
    EXPECT_EQ(with_threads(threads, [&] { return grown(kept, 30000, 2); }), grown(kept, 30000, 2)) << threads;
  }
}

TEST(UniformGrowth, MoreThanTheEmptyCellsIsAFault) {
  EXPECT_THROW(grown(topology_of({"x.", "xx"}), 2, 1), Fault);
  EXPECT_THROW(grown(topology_of({"xx"}), 1, 1), Fault);
  EXPECT_TRUE(grown(topology_of({"xx"}), 0, 1).empty());
}

TEST(UniformGrowth, EveryEmptyCellIsAsLikely) {
  const Topology kept = erdos_renyi(12, 25, 0.3, RandomStream(2, Purpose::topology));
  const Cells empty = empty_cells(kept);
  const int samples = 4000;
  const Offset count = 20;
  std::vector<double> hits(empty.size(), 0.0);

  for (int seed = 0; seed < samples; ++seed) {
    for (const auto& cell : grown(kept, count, static_cast<std::uint64_t>(seed))) {
      ++hits[std::lower_bound(empty.begin(), empty.end(), cell) - empty.begin()];
    }
  }

  const double cells = static_cast<double>(empty.size());
  const double expected = samples * static_cast<double>(count) / cells;
  double chi_square = 0;  // cells - 1 degrees of freedom, draws without replacement
  for (const double hit : hits) {
    chi_square += std::pow(hit - expected, 2) / (expected * (1 - static_cast<double>(count) / cells));
  }
  EXPECT_NEAR(chi_square, cells, 4 * std::sqrt(2 * cells));
}

TEST(UniformGrowth, MoreCellsThanADoubleCanCount) {
  Topology kept;
  kept.rows = 4'500'000;
  kept.cols = std::numeric_limits<Index>::max();
  kept.row_ptrs.assign(static_cast<std::size_t>(kept.rows) + 1, 0);

  const Cells cells = grown(kept, 1000, 1);

  EXPECT_EQ(cells.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(cells.begin(), cells.end()));
  EXPECT_EQ(std::adjacent_find(cells.begin(), cells.end()), cells.end());
  EXPECT_GE(cells.front().first, 0);
  EXPECT_LT(cells.back().first, kept.rows);
  double mean_row = 0;
  double mean_col = 0;
  for (const auto& [row, col] : cells) {
    mean_row += row / (1000.0 * kept.rows);
    mean_col += col / (1000.0 * kept.cols);
  }
  EXPECT_NEAR(mean_row, 0.5, 4 * std::sqrt(1.0 / 12 / 1000));
  EXPECT_NEAR(mean_col, 0.5, 4 * std::sqrt(1.0 / 12 / 1000));
}

}  // namespace
}  // namespace plexus
