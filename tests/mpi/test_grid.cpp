#include "mpi/grid.hpp"

#include <gtest/gtest.h>

#include "mpi/collectives.hpp"
#include "src/support/error.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

ParallelConfig asked(std::int64_t data, std::int64_t model) {
  ParallelConfig config;
  config.data = data;
  config.model = model;
  return config;
}

TEST(GridShape, IsWhatTheConfigAsksFor) {
  EXPECT_EQ(grid_shape(asked(0, 1), 5), (GridShape{5, 1}));
  EXPECT_EQ(grid_shape(asked(0, 2), 6), (GridShape{3, 2}));
  EXPECT_EQ(grid_shape(asked(2, 3), 6), (GridShape{2, 3}));
}

TEST(GridShape, ThatDoesNotFitTheRanksIsRefused) {
  EXPECT_THROW(static_cast<void>(grid_shape(asked(0, 4), 6)), InputError);
  EXPECT_THROW(static_cast<void>(grid_shape(asked(2, 2), 6)), InputError);
  EXPECT_THROW(static_cast<void>(grid_shape(asked(7, 1), 6)), InputError);
}

TEST(GridShape, AutoIsWhatTheOtherNumberLeaves) {
  EXPECT_EQ(grid_shape({NumberOrAuto::automatic(), 2}, 6), (GridShape{3, 2}));
  EXPECT_EQ(grid_shape({2, NumberOrAuto::automatic()}, 6), (GridShape{2, 3}));
  EXPECT_THROW(static_cast<void>(grid_shape({4, NumberOrAuto::automatic()}, 6)), InputError);
}

TEST(GridShape, OnlyPartsThatNothingTellsAreOpen) {
  EXPECT_TRUE(grid_is_open({0, NumberOrAuto::automatic()}));
  EXPECT_TRUE(grid_is_open({NumberOrAuto::automatic(), NumberOrAuto::automatic()}));
  EXPECT_FALSE(grid_is_open({2, NumberOrAuto::automatic()}));
  EXPECT_FALSE(grid_is_open({NumberOrAuto::automatic(), 1}));
  EXPECT_THROW(static_cast<void>(grid_shape({0, NumberOrAuto::automatic()}, 6)), Fault);
}

TEST(Grid, PartsOfAGroupAndReplicasOfAPart) {
  run_ranks(6, [](DistributedContext& ctx) {
    Grid grid(ctx, {2, 3});

    EXPECT_EQ(grid.part(), ctx.rank() % 3);
    EXPECT_EQ(grid.parts()->own(), grid.part());
    EXPECT_EQ(grid.parts()->count(), 3);
    EXPECT_EQ(grid.replicas().size(), 2);
    EXPECT_EQ(grid.replicas().rank(), ctx.rank() / 3);
    const int first = ctx.rank() / 3 * 3;
    EXPECT_EQ(gather_all(grid.group(), ctx.rank()), (std::vector<int>{first, first + 1, first + 2}));
    EXPECT_EQ(gather_all(grid.replicas(), ctx.rank()), (std::vector<int>{grid.part(), grid.part() + 3}));
  });
}

TEST(Grid, WithoutModelPartsEveryRankIsAReplica) {
  run_ranks(2, [](DistributedContext& ctx) {
    Grid grid(ctx, {2, 1});

    EXPECT_EQ(grid.parts(), nullptr);
    EXPECT_EQ(grid.replicas().size(), 2);
  });
}

}  // namespace
}  // namespace plexus
