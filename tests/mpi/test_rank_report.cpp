#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mpi/rank_report.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

TEST(RankReport, GathersThePlaceOfEveryRank) {
  run_ranks(3, [](DistributedContext& ctx) {
    const auto places = gather_places(ctx, 2 + ctx.rank());

    ASSERT_EQ(places.size(), 3u);
    for (int rank = 0; rank < 3; ++rank) {
      const auto& place = places[static_cast<std::size_t>(rank)];
      EXPECT_EQ(place.threads, 2 + rank);
      EXPECT_EQ(place.cpus, cpus_allowed());
      EXPECT_FALSE(place.cpus.empty());
      EXPECT_FALSE(place.host.empty());
    }
  });
}

TEST(RankReport, TableJoinsNeighboursThatArePlacedAlike) {
  const std::vector<RankPlace> places = {{"n1", {0, 1, 2, 3}, 2}, {"n1", {0, 1, 2, 3}, 2}, {"node2", {8}, 1}};

  EXPECT_EQ(places_table(places),
            "ranks  host   CPUs allowed  threads per rank\n"
            "0-1    n1     4 (0-3)       2\n"
            "2      node2  1 (8)         1\n");
}

TEST(RankReport, RanksOfAHostShareItsProcessors) {
  EXPECT_EQ(share_of_processors({{"n1", {0, 1, 2, 3}, 1}}), 4);
  EXPECT_EQ(share_of_processors({{"n1", {0, 1, 2, 3}, 1}, {"n1", {0, 1, 2, 3}, 1}}), 2);
  EXPECT_EQ(share_of_processors({{"n1", {0, 1}, 1}, {"n1", {2, 3}, 1}, {"n2", {0, 1, 2}, 1}}), 2) << "bound";
  EXPECT_EQ(share_of_processors({{"n1", {0, 1, 2, 3}, 1}, {"n2", {0}, 1}}), 1) << "the least of a host";
  EXPECT_EQ(share_of_processors({{"n1", {0}, 1}, {"n1", {0}, 1}, {"n1", {0}, 1}}), 1) << "at least one";
}

TEST(RankReport, NoWarningWhenEveryThreadHasACpu) {
  EXPECT_TRUE(placement_warnings({{"n1", {0, 1, 2, 3}, 2}, {"n1", {0, 1, 2, 3}, 2}, {"n2", {0}, 1}}).empty());
}

TEST(RankReport, WarnsOfBindingToOneCore) {
  const auto warnings = placement_warnings({{"n1", {0}, 2}, {"n1", {1}, 2}});

  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].find("all 2 ranks: 2 threads on 1 CPU of n1."), 0u) << warnings[0];
  EXPECT_NE(warnings[0].find("--bind-to none"), std::string::npos) << warnings[0];
}

TEST(RankReport, WarnsOfRanksThatShareCpus) {
  const auto warnings = placement_warnings({{"n1", {0, 1}, 2}, {"n1", {0, 1}, 1}, {"n2", {0, 1}, 2}});

  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].find("ranks 0-1 of 3 on host n1 use 3 threads together but may run on 2 CPUs only."),
            0u)
      << warnings[0];
}

TEST(RankReport, UnknownCpusAreNoReasonToWarn) { EXPECT_TRUE(placement_warnings({{"n1", {}, 8}}).empty()); }

}  // namespace
}  // namespace plexus
