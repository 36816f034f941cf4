#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include "mpi/collective_check.hpp"
#include "mpi/guarded_main.hpp"
#include "mpi/stop_request.hpp"
#include "mpi/watchdog.hpp"
#include "src/support/sign_of_life.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

using namespace std::chrono_literals;

/// A watchdog whose report can be waited for.
class WatchedReport {
 public:
  explicit WatchedReport(double seconds) : report_(promise_.get_future()) {
    Watchdog::Options options;
    options.rank = 3;
    options.size = 4;
    options.seconds = seconds;
    options.on_hang = [this](const std::string& text) { promise_.set_value(text); };
    watchdog_.emplace(std::move(options));
  }
  /// The report, or "" if there is none by then.
  std::string within(std::chrono::milliseconds time) {
    return report_.wait_for(time) == std::future_status::ready ? report_.get() : "";
  }

 private:
  std::promise<std::string> promise_;
  std::future<std::string> report_;
  std::optional<Watchdog> watchdog_;
};

TEST(Watchdog, ReportsWhereARankStandsStill) {
  activity::position(4, 17);
  activity::at("gradient exchange, layer", 2);
  WatchedReport watched(0.05);

  const auto report = watched.within(30s);

  EXPECT_EQ(report.find("plexus: rank 3 of 4 on host "), 0u) << report;
  EXPECT_NE(report.find("in 'gradient exchange, layer 2', epoch 4, step 17, after "), std::string::npos)
      << report;
  EXPECT_EQ(report.back(), '\n');
}

TEST(Watchdog, SaysWhenARankWaitsForOthers) {
  activity::at("evaluation");
  const activity::Collective waiting("sum", 182);
  WatchedReport watched(0.05);

  const auto report = watched.within(30s);

  EXPECT_NE(report.find("waiting for other ranks in collective call no. 182 ('sum')"), std::string::npos)
      << report;
  EXPECT_NE(report.find("It waits for a rank that has not made this call"), std::string::npos) << report;
}

TEST(Watchdog, IsQuietWhileThereAreSignsOfLife) {
  WatchedReport watched(1.5);

  std::string report;
  for (int i = 0; i < 220 && report.empty(); ++i) {
    activity::at("kernel", i);
    report = watched.within(10ms);
  }

  EXPECT_EQ(report, "");
}

TEST(Watchdog, CountsTheSignsOfLifeOfOtherFoldersToo) {
  WatchedReport watched(1.5);

  std::string report;
  for (int i = 0; i < 220 && report.empty(); ++i) {
    sign_of_life();
    report = watched.within(10ms);
  }

  EXPECT_EQ(report, "");
}

TEST(Watchdog, ZeroSecondsTurnItOff) {
  WatchedReport watched(0.0);

  EXPECT_EQ(watched.within(300ms), "");
}

TEST(StopRequest, KnowsTheFirstSignal) {
  const StopRequest stop;
  const bool before = stop.requested();

  raise(SIGUSR1);
  raise(SIGTERM);

  EXPECT_FALSE(before);
  EXPECT_TRUE(stop.requested());
  EXPECT_STREQ(stop.which(), "SIGUSR1");
}

TEST(StopRequest, ForgetsEarlierRequests) {
  {
    const StopRequest stop;
    raise(SIGTERM);
    EXPECT_STREQ(stop.which(), "SIGTERM");
  }

  const StopRequest stop;

  EXPECT_FALSE(stop.requested());
  EXPECT_STREQ(stop.which(), "");
}

std::atomic<int> seen_by_previous_handler{0};

TEST(StopRequest, PutsThePreviousHandlerBack) {
  struct sigaction mine {};
  mine.sa_handler = [](int number) { seen_by_previous_handler = number; };
  struct sigaction before {};
  sigaction(SIGTERM, &mine, &before);

  { const StopRequest stop; }
  raise(SIGTERM);
  sigaction(SIGTERM, &before, nullptr);

  EXPECT_EQ(seen_by_previous_handler, SIGTERM);
}

TEST(StopRequest, OnlyOneAtATime) {
  const StopRequest stop;

  EXPECT_THROW(StopRequest(), Fault);
}

TEST(RunGuarded, PassesTheExitCodeOn) {
  InProcessContext alone;

  EXPECT_EQ(run_guarded(alone, [] { return ExitCode::again; }), 75);
}

TEST(RunGuarded, PrintsASharedFailureOnceAndReturnsItsCodeEverywhere) {
  std::atomic<int> codes{0};
  testing::internal::CaptureStderr();

  run_ranks(3, [&](DistributedContext& ctx) {
    codes += run_guarded(ctx, [&]() -> ExitCode {
      collective_check(ctx, Problem{ExitCode::input, "unknown key"});
      return ExitCode::ok;
    });
  });

  EXPECT_EQ(testing::internal::GetCapturedStderr(), "plexus: all 3 ranks: unknown key\n");
  EXPECT_EQ(codes, 3 * 64);
}

TEST(RunGuarded, AFailureOfSomeRanksIsPrintedOnceAndEndsAll) {
  testing::internal::CaptureStderr();

  EXPECT_THROW(run_ranks(4,
                         [&](DistributedContext& ctx) {
                           const auto part = ctx.split(ctx.rank() / 2);
                           (void)run_guarded(ctx, [&]() -> ExitCode {
                             if (ctx.rank() >= 2)
                               on_all_ranks(*part, [&] { require(ctx.rank() != 3, "no such file"); });
                             return ExitCode::ok;
                           });
                           ctx.barrier();
                         }),
               JobAborted);

  EXPECT_EQ(testing::internal::GetCapturedStderr(), "plexus: rank 3 of 4: no such file\n");
}

TEST(RunGuarded, ALoneFailureNamesItsRankAndEndsAll) {
  testing::internal::CaptureStderr();

  EXPECT_THROW(run_ranks(3,
                         [&](DistributedContext& ctx) {
                           (void)run_guarded(ctx, [&]() -> ExitCode {
                             if (ctx.rank() == 2) throw InputError("no such file");
                             return ExitCode::ok;
                           });
                           ctx.barrier();
                         }),
               JobAborted);

  EXPECT_EQ(testing::internal::GetCapturedStderr(), "plexus: rank 2 of 3: no such file\n");
}

TEST(RunGuarded, AFaultSaysWhereItHappened) {
  InProcessContext alone;
  testing::internal::CaptureStderr();

  EXPECT_THROW((void)run_guarded(alone,
                                 []() -> ExitCode {
                                   activity::position(2, 9);
                                   activity::at("backward pass, layer", 1);
                                   throw Fault("weights are not finite.");
                                 }),
               JobAborted);

  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "plexus: weights are not finite. [in 'backward pass, layer 1', epoch 2, step 9]\n");
}

}  // namespace
}  // namespace plexus
