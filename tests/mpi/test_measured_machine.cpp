#include <gtest/gtest.h>

#include <vector>

#include "mpi/measured_machine.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

TEST(MeasuredMachine, AllRanksHaveTheSameFiguresOfKernelsAndNetwork) {
  std::vector<MeasuredMachine> found(2);

  run_ranks(2, [&](DistributedContext& ctx) {
    found[static_cast<std::size_t>(ctx.rank())] = measured_machine(ctx, Effort::quick);
  });

  EXPECT_EQ(found[0].kernels, found[1].kernels);
  EXPECT_GT(found[0].kernels.gather, 0);
  EXPECT_EQ(found[0].network.speed, found[1].network.speed);
  EXPECT_GT(found[0].network.speed.bandwidth, 0);
}

TEST(MeasuredMachine, OneRankHasNoNetwork) {
  run_ranks(1, [](DistributedContext& ctx) {
    EXPECT_TRUE(measured_machine(ctx, Effort::quick).network.speed.sums.empty());
  });
}

TEST(MeasuredMachine, TheMedianOfTheTurnsCountsFigureByFigure) {
  std::vector<MeasuredMachine> turns(3);
  const std::vector<double> steps = {5, 1, 3};
  const std::vector<double> sums = {2, 9, 4};
  const std::vector<double> barriers = {7, 6, 8};
  for (std::size_t i = 0; i < turns.size(); ++i) {
    turns[i].kernels.step = {{10, steps[i]}, {20, -steps[i]}};
    turns[i].network.speed.sums = {{100, sums[i]}};
    turns[i].network.barrier = barriers[i];
  }

  const MeasuredMachine machine = typical(turns);

  EXPECT_EQ(machine.kernels.step, (Curve{{10, 3}, {20, -3}}));
  EXPECT_EQ(machine.network.speed.sums, (Curve{{100, 4}}));
  EXPECT_EQ(machine.network.barrier, 7);
}

TEST(MeasuredMachine, TheSlowestRankCounts) {
  run_ranks(3, [](DistributedContext& ctx) {
    KernelSpeed own;
    own.step = {{10, 1.0 + ctx.rank()}, {20, 5.0 - ctx.rank()}};
    own.gather = ctx.rank() == 1 ? 7 : 2;

    const KernelSpeed all = slowest(ctx, own);

    EXPECT_EQ(all.step, (Curve{{10, 3}, {20, 5}}));
    EXPECT_EQ(all.gather, 7);
  });
}

}  // namespace
}  // namespace plexus
