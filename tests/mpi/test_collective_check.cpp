#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <string>
#include <vector>

#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/number_ranges.hpp"
#include "mpi/watchdog.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

/// What comes out of `f(rank)` run by `on_all_ranks` on `size` ranks; the same everywhere, or the test fails.
template <class F>
Problem failure_on_all(int size, F&& f) {
  Problem outcome;
  run_ranks(size, [&](DistributedContext& ctx) {
    Problem mine;
    try {
      on_all_ranks(ctx, [&] { f(ctx.rank()); });
    } catch (const RanksFailed& failed) {
      mine = {failed.code(), failed.what()};
    }
    for (const auto& text : gather_all(ctx, mine.message)) EXPECT_EQ(text, mine.message);
    if (ctx.rank() == 0) outcome = mine;
  });
  return outcome;
}

TEST(CollectiveCheck, NoProblemNoException) {
  EXPECT_NO_THROW(run_ranks(3, [](DistributedContext& ctx) { collective_check(ctx, std::nullopt); }));
}

TEST(CollectiveCheck, NamesTheOneRankThatFailed) {
  const auto failure = failure_on_all(4, [](int rank) { require(rank != 2, "cannot read data"); });

  EXPECT_EQ(failure.message, "rank 2 of 4: cannot read data");
  EXPECT_EQ(failure.code, ExitCode::input);
}

TEST(CollectiveCheck, SaysACommonMessageOnce) {
  const auto failure = failure_on_all(4, [](int) { throw InputError("unknown key"); });

  EXPECT_EQ(failure.message, "all 4 ranks: unknown key");
}

TEST(CollectiveCheck, SaysEachDistinctMessageOnceWithItsRanks) {
  activity::position(-1, -1);  // of no test that ran before
  activity::at("reading, layer", 3);
  const auto failure = failure_on_all(5, [](int rank) {
    if (rank == 1) throw Fault("disk gone");
    if (rank >= 2) throw InputError("no such file");
  });

  EXPECT_EQ(failure.message, "rank 1 of 5: disk gone [in 'reading, layer 3']\nranks 2-4 of 5: no such file");
  EXPECT_EQ(failure.code, ExitCode::fault) << "the code of the lowest failing rank";
}

TEST(CollectiveCheck, ASingleRankIsNotNamed) {
  const auto failure = failure_on_all(1, [](int) { throw InputError("unknown key"); });

  EXPECT_EQ(failure.message, "unknown key");
}

TEST(CollectiveCheck, OtherExceptionsAreFaults) {
  const auto memory = failure_on_all(1, [](int) { throw std::bad_alloc(); });
  const auto unknown = failure_on_all(1, [](int) { (void)std::vector<int>().at(3); });

  EXPECT_EQ(memory.code, ExitCode::fault);
  EXPECT_EQ(memory.message.find("out of memory. "), 0u) << memory.message;
  EXPECT_EQ(unknown.code, ExitCode::fault);
  EXPECT_EQ(unknown.message.find("unexpected failure: vector"), 0u) << unknown.message;
}

TEST(CollectiveCheck, AFailureOfSomeRanksNamesThemAsTheJobDoes) {
  run_ranks(6, [](DistributedContext& ctx) {
    const auto part = ctx.split(ctx.rank() % 2);
    try {
      on_all_ranks(*part, [&] { require(ctx.rank() != 3 && ctx.rank() != 5, "no such file"); });
      EXPECT_EQ(ctx.rank() % 2, 0) << "nothing was thrown";
    } catch (const RanksFailed& failed) {
      EXPECT_EQ(ctx.rank() % 2, 1);
      EXPECT_STREQ(failed.what(), "ranks 3, 5 of 6: no such file");
      EXPECT_FALSE(failed.is_of_all());
      EXPECT_EQ(failed.speaker(), 1);
    }
  });
}

TEST(CollectiveCheck, ASharedFailureInsideIsPassedOnAsItIs) {
  run_ranks(3, [](DistributedContext& ctx) {
    try {
      on_all_ranks(ctx, [&] { collective_check(ctx, Problem{ExitCode::input, "no"}); });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const RanksFailed& failed) {
      EXPECT_STREQ(failed.what(), "all 3 ranks: no");
    }
  });
}

TEST(CollectiveCheck, ReturnsTheValueOfEachRank) {
  run_ranks(3, [](DistributedContext& ctx) {
    const auto text = on_all_ranks(ctx, [&] { return std::string("rank ") + std::to_string(ctx.rank()); });

    EXPECT_EQ(text, "rank " + std::to_string(ctx.rank()));
  });
}

TEST(NumberRanges, JoinsNeighbours) {
  EXPECT_EQ(number_ranges({}), "");
  EXPECT_EQ(number_ranges(std::vector{4}), "4");
  EXPECT_EQ(number_ranges(std::vector{0, 1, 2, 5, 7, 8}), "0-2, 5, 7-8");
}

}  // namespace
}  // namespace plexus
