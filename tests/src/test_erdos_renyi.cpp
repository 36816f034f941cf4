#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/support/error.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

RandomStream stream_of(std::uint64_t seed) { return {seed, Purpose::topology}; }

TEST(ErdosRenyi, DensityFollowsEpsilon) {
  const double density = erdos_renyi_density(20, 784, 1000);

  EXPECT_DOUBLE_EQ(density * 784 * 1000, 20.0 * (784 + 1000));
}

TEST(ErdosRenyi, EpsilonBeyondTheFullLayerIsCapped) {
  const double full = full_epsilon(10, 40);

  EXPECT_DOUBLE_EQ(full, 8.0);
  EXPECT_LT(erdos_renyi_density(7.9, 10, 40), 1.0);
  EXPECT_EQ(erdos_renyi_density(8.0, 10, 40), 1.0);
  EXPECT_EQ(erdos_renyi_density(500, 10, 40), 1.0);
}

TEST(ErdosRenyi, DensityOfALayerTooLargeToMultiplyIn64Bits) {
  const Offset n = Offset{1} << 40;

  EXPECT_DOUBLE_EQ(erdos_renyi_density(10, n, n), 20.0 / static_cast<double>(n));
}

TEST(ErdosRenyi, DensityZeroAndOne) {
  EXPECT_TOPOLOGY_EQ(erdos_renyi(2, 3, 0, stream_of(1)), topology_of({"...", "..."}));
  EXPECT_TOPOLOGY_EQ(erdos_renyi(2, 3, 1, stream_of(1)), topology_of({"xxx", "xxx"}));
}

TEST(ErdosRenyi, LayersWithoutRowsOrColumns) {
  for (const double density : {0.0, 0.5, 1.0}) {
    EXPECT_EQ(erdos_renyi(0, 5, density, stream_of(1)).row_ptrs, (std::vector<Offset>{0}));
    EXPECT_EQ(erdos_renyi(2, 0, density, stream_of(1)).row_ptrs, (std::vector<Offset>{0, 0, 0}));
  }
}

TEST(ErdosRenyi, RefusesWhatIsNoDensity) {
  for (const double density : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(static_cast<void>(erdos_renyi(2, 3, density, stream_of(1))), Fault) << density;
  }
}

TEST(ErdosRenyi, ARowDoesNotDependOnTheOtherRows) {
  const Topology all = erdos_renyi(9, 50, 0.2, stream_of(4));

  const Topology some = erdos_renyi(4, 50, 0.2, stream_of(4));

  check(all);
  EXPECT_EQ(some.col_idxs, std::vector<Index>(all.col_idxs.begin(), all.col_idxs.begin() + all.row_ptrs[4]));
}

TEST(ErdosRenyi, AGapEndsWhereTheTailOfTheGeometricDistributionSays) {
  const double density = 0.3;
  const Index cols = 200;
  const Topology topology = erdos_renyi(50, cols, density, stream_of(8));

  for (Index row = 0; row < topology.rows; ++row) {
    std::vector<Index> expected;
    Index col = -1;
    for (std::uint64_t draw = 0;; ++draw) {
      const auto pair = stream_of(8).pair(static_cast<std::uint64_t>(row), draw / 2);
      const double u = 1.0 - static_cast<double>(pair[draw % 2] >> 12) * 0x1.0p-52;
      ++col;
      for (double tail = 1 - density; tail >= u && col < cols; tail *= 1 - density) ++col;
      if (col >= cols) break;
      expected.push_back(col);
    }
    const auto begin = topology.col_idxs.begin();
    EXPECT_EQ(std::vector<Index>(begin + topology.row_ptrs[row], begin + topology.row_ptrs[row + 1]),
              expected);
  }
}

TEST(ErdosRenyi, TheNumberOfThreadsChangesNothing) {
  for (const auto& [rows, cols, density] : std::vector<std::tuple<Index, Index, double>>{
           {300, 400, 0.3}, {2, 100000, 0.4}, {50000, 20, 0.05}, {300, 400, 0.999}}) {
    const auto made = [&](int threads) {
      return with_threads(threads, [&] { return erdos_renyi(rows, cols, density, stream_of(4)); });
    };

    check(made(1));
    for (const int threads : thread_counts) EXPECT_EQ(made(threads), made(1)) << threads << " threads";
  }
}

TEST(ErdosRenyi, DensitiesNearZeroAndOneAreMet) {
  for (const double rare : {1e-3, 1e-7, 1e-13}) {
    const auto cols = static_cast<Index>(std::min(2e9, 100 / rare));
    const auto rows = static_cast<Index>(1 + 1000 / rare / cols);
    const Topology sparse = erdos_renyi(rows, cols, rare, stream_of(6));
    const double expected = rare * static_cast<double>(sparse.cells());
    EXPECT_NEAR(static_cast<double>(sparse.connections()), expected, 5 * std::sqrt(expected)) << rare;
  }
  const Topology almost_full = erdos_renyi(1000, 1000, 1 - 1e-3, stream_of(6));
  EXPECT_NEAR(static_cast<double>(almost_full.cells() - almost_full.connections()), 1000,
              5 * std::sqrt(1000));
}

TEST(ErdosRenyi, CountsHaveTheMeanAndVarianceOfABinomial) {
  const int samples = 2000;
  const double n = 30 * 40;
  for (const double density : {0.01, 0.2, 0.9}) {
    double sum = 0;
    double squares = 0;
    for (int seed = 0; seed < samples; ++seed) {
      const auto count = static_cast<double>(erdos_renyi(30, 40, density, stream_of(seed)).connections());
      sum += count;
      squares += count * count;
    }
    const double mean = sum / samples;
    const double variance = squares / samples - mean * mean;
    const double expected_variance = n * density * (1 - density);

    EXPECT_NEAR(mean, n * density, 4 * std::sqrt(expected_variance / samples)) << density;
    EXPECT_NEAR(variance, expected_variance, 4 * expected_variance * std::sqrt(2.0 / samples)) << density;
  }
}

TEST(ErdosRenyi, EveryCellIsAsLikely) {
  const Index rows = 10;
  const Index cols = 30;
  const double density = 0.15;
  const int samples = 4000;
  std::vector<double> hits(static_cast<std::size_t>(rows) * cols, 0.0);

  for (int seed = 0; seed < samples; ++seed) {
    for (const auto& [row, col] : cells_of(erdos_renyi(rows, cols, density, stream_of(seed)))) {
      ++hits[row * cols + col];
    }
  }

  double chi_square = 0;  // sum of 300 squared standard normals: 300 +- 24.5
  for (const double hit : hits) {
    chi_square += std::pow(hit - samples * density, 2) / (samples * density * (1 - density));
  }
  EXPECT_NEAR(chi_square, 300, 4 * std::sqrt(2.0 * 300));
}

TEST(ErdosRenyi, MoreCellsThanADoubleCanCount) {
  const Index rows = 4'500'000;
  const Index cols = std::numeric_limits<Index>::max();
  const double density = 1e-12;

  const Topology topology = erdos_renyi(rows, cols, density, stream_of(2));

  check(topology);
  const double expected = density * static_cast<double>(topology.cells());
  EXPECT_GT(topology.cells(), Offset{1} << 53);
  EXPECT_NEAR(static_cast<double>(topology.connections()), expected, 5 * std::sqrt(expected));
}

}  // namespace
}  // namespace plexus
