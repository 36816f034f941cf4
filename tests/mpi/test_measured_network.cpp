#include <gtest/gtest.h>

#include "mpi/measured_network.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

TEST(MeasuredNetwork, AllRanksHaveTheSameSoundFigures) {
  for (const int ranks : {2, 3}) {
    std::vector<MeasuredNetwork> found(static_cast<std::size_t>(ranks));

    run_ranks(ranks, [&](DistributedContext& ctx) {
      found[static_cast<std::size_t>(ctx.rank())] = measured_network(ctx);
    });

    const MeasuredNetwork& first = found.front();
    for (const MeasuredNetwork& other : found) EXPECT_EQ(other.speed.sums, first.speed.sums);
    EXPECT_GT(first.barrier, 0);
    EXPECT_GT(first.short_sum, 0);
    EXPECT_GT(first.speed.latency, 0);
    EXPECT_GT(first.speed.bandwidth, 0);
    EXPECT_GT(first.speed.agreement, 0);
    EXPECT_GE(first.speed.message, 0);
    EXPECT_GE(first.speed.hidden, 0);
    EXPECT_LE(first.speed.hidden, 1);
    ASSERT_FALSE(first.speed.sums.empty());
    // Two parts of 20480 values; a rank sends 2 (D - 1) / D of them.
    EXPECT_DOUBLE_EQ(first.speed.sums.front().at, 2.0 * (ranks - 1) / ranks * 2 * 20480 * 8);
    for (const CurvePoint& point : first.speed.sums) EXPECT_GT(point.value, 0);
  }
}

}  // namespace
}  // namespace plexus
