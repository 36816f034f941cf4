#include "src/parts/background_maximum.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "mpi/rank_parts.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

TEST(BackgroundMaximum, FindsTheGreatestOfEachNumber) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  for (const int count : {1, 2, 3, 5}) {
    run_ranks(count, [&](DistributedContext& ctx) {
      RankParts parts(ctx);
      BackgroundMaximum maximum(parts);
      for (std::int64_t round = 0; round < 5; ++round) {
        const std::int64_t rank = ctx.rank();
        std::vector<std::int64_t> values = {rank * (round - 2), -rank, least};
        if (round % 2 == 1) values.push_back(round);

        maximum.start(values);
        const auto found = maximum.finish();

        std::vector<std::int64_t> expected = {round > 2 ? (count - 1) * (round - 2) : 0, 0, least};
        if (round % 2 == 1) expected.push_back(round);
        EXPECT_EQ(std::vector<std::int64_t>(found.begin(), found.end()), expected) << "round " << round;
      }
    });
  }
}

TEST(BackgroundMaximum, NoNumbersNoMessages) {
  run_ranks(3, [&](DistributedContext& ctx) {
    RankParts parts(ctx);
    BackgroundMaximum maximum(parts);

    maximum.start({});

    EXPECT_TRUE(maximum.finish().empty());
  });
}

}  // namespace
}  // namespace plexus
