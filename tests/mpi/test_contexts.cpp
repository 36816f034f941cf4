#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <tuple>
#include <vector>

#include "tests/mpi/context_conformance.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

class InProcess : public testing::TestWithParam<std::tuple<conformance::Case, int>> {};

TEST_P(InProcess, Conforms) {
  const auto& [conformance_case, ranks] = GetParam();

  run_ranks(ranks, conformance_case.run);
}

INSTANTIATE_TEST_SUITE_P(Contexts, InProcess,
                         testing::Combine(testing::ValuesIn(conformance::cases()),
                                          testing::Values(1, 2, 3, 4, 5)),
                         [](const auto& test) {
                           return std::get<0>(test.param).name + "On" +
                                  std::to_string(std::get<1>(test.param));
                         });

TEST(InProcessContext, AloneIsRankZeroOfOne) {
  InProcessContext alone;
  std::vector<std::int64_t> values = {5, -6};

  alone.sum(values);

  EXPECT_EQ(alone.rank(), 0);
  EXPECT_EQ(alone.size(), 1);
  EXPECT_EQ(values, (std::vector<std::int64_t>{5, -6}));
}

TEST(InProcessContext, AFailingRankEndsTheOthersAndItsExceptionComesOut) {
  std::atomic<int> ended_by_poison{0};

  const auto text = message_of<InputError>([&] {
    run_ranks(3, [&](DistributedContext& ctx) {
      if (ctx.rank() == 1) throw InputError("rank 1 cannot go on");
      try {
        ctx.barrier();
      } catch (const JobAborted&) {
        ++ended_by_poison;
        throw;
      }
    });
  });

  EXPECT_EQ(text, "rank 1 cannot go on");
  EXPECT_EQ(ended_by_poison, 2);
}

TEST(InProcessContext, AFailingRankEndsThoseThatWaitForASum) {
  EXPECT_THROW(run_ranks(2,
                         [](DistributedContext& ctx) {
                           const auto sums = ctx.float_sums(4096);
                           if (ctx.rank() == 0) throw Fault("gone");
                           conformance::push(*sums, {1.0f});
                           sums->wait();
                         }),
               Fault);
}

TEST(InProcessContext, AFailureInAPartEndsTheRanksOfAllParts) {
  std::atomic<int> ended_by_poison{0};

  const auto text = message_of<InputError>([&] {
    run_ranks(5, [&](DistributedContext& ctx) {
      try {
        const auto part = ctx.split(ctx.rank() % 2);
        const auto inner = part->split(0);
        if (ctx.rank() == 2) throw InputError("rank 2 cannot go on");
        (ctx.rank() % 2 == 0 ? *inner : ctx).barrier();
      } catch (const JobAborted&) {
        ++ended_by_poison;
        throw;
      }
    });
  });

  EXPECT_EQ(text, "rank 2 cannot go on");
  EXPECT_EQ(ended_by_poison, 4);
}

TEST(InProcessContext, AFailureInAPartEndsThoseThatWaitForItsSum) {
  const auto text = message_of<InputError>([&] {
    run_ranks(4, [&](DistributedContext& ctx) {
      const auto part = ctx.split(ctx.rank() / 2);
      const auto sums = part->integer_sums(256);
      if (ctx.rank() == 3) throw InputError("rank 3 cannot go on");
      conformance::push(*sums, {1});
      sums->wait();
      ctx.barrier();
    });
  });

  EXPECT_EQ(text, "rank 3 cannot go on");
}

TEST(InProcessContext, AbortInAPartEndsAllRanks) {
  std::atomic<int> codes{0};

  EXPECT_THROW(run_ranks(4,
                         [&](DistributedContext& ctx) {
                           try {
                             const auto part = ctx.split(ctx.rank() / 2);
                             if (ctx.rank() == 3) part->abort(64);
                             (ctx.rank() == 2 ? *part : ctx).barrier();
                           } catch (const JobAborted& aborted) {
                             codes += aborted.exit_code();
                             throw;
                           }
                         }),
               JobAborted);

  EXPECT_EQ(codes, 4 * 64);
}

TEST(InProcessContext, ARankThatLeavesAPartEarlyIsAFaultAndNoHang) {
  const auto text = message_of<Fault>([] {
    run_ranks(4, [](DistributedContext& ctx) {
      const auto part = ctx.split(ctx.rank() / 2);
      if (ctx.rank() == 2) return;
      if (ctx.rank() == 3) part->barrier();
    });
  });

  EXPECT_EQ(text, "rank 0 has left without collective call no. 0 ('barrier'), which rank 1 has made");
}

TEST(InProcessContext, ARankWhoseFailureIsCaughtOutsideOfItsPartIsMissedThere) {
  const auto text = message_of<Fault>([] {
    run_ranks(2, [](DistributedContext& ctx) {
      try {
        const auto part = ctx.split(0);
        if (ctx.rank() == 0) throw InputError("caught below");
        part->barrier();
      } catch (const InputError&) {
      }
    });
  });

  EXPECT_EQ(text, "rank 0 has left without collective call no. 0 ('barrier'), which rank 1 has made");
}

TEST(InProcessContext, AbortEndsAllRanksWithItsCode) {
  std::atomic<int> codes{0};

  EXPECT_THROW(run_ranks(3,
                         [&](DistributedContext& ctx) {
                           try {
                             if (ctx.rank() == 2) ctx.abort(64);
                             ctx.barrier();
                           } catch (const JobAborted& aborted) {
                             codes += aborted.exit_code();
                             throw;
                           }
                         }),
               JobAborted);

  EXPECT_EQ(codes, 3 * 64);
}

TEST(InProcessContext, ARankThatLeavesEarlyIsAFaultAndNoHang) {
  const auto text = message_of<Fault>([] {
    run_ranks(2, [](DistributedContext& ctx) {
      ctx.barrier();
      if (ctx.rank() == 0) return;
      ctx.barrier();
    });
  });

  EXPECT_EQ(text, "rank 0 has left without collective call no. 1 ('barrier'), which rank 1 has made");
}

TEST(InProcessContext, DifferentCallsAreAFault) {
  const auto text = message_of<Fault>([] {
    run_ranks(2, [](DistributedContext& ctx) {
      std::vector<std::int64_t> values(ctx.rank() == 0 ? 2 : 3);
      ctx.sum(values);
    });
  });

  EXPECT_NE(text.find("collective call no. 0 is 'sum of "), std::string::npos) << text;
}

TEST(InProcessContext, ASumThatARankNeverMakesIsAFaultAndNoHang) {
  const auto text = message_of<Fault>([] {
    run_ranks(2, [](DistributedContext& ctx) {
      const auto sums = ctx.float_sums(4096);
      if (ctx.rank() == 0) return;
      conformance::push(*sums, {1.0f});
      sums->wait();
    });
  });

  EXPECT_EQ(text, "a rank has left without a sum that rank 1 waits for");
}

TEST(InProcessContext, AFailingRankEndsThoseThatWaitForItsMessage) {
  const auto text = message_of<InputError>([] {
    run_ranks(3, [](DistributedContext& ctx) {
      const auto messages = ctx.peer_messages();
      if (ctx.rank() == 1) throw InputError("rank 1 cannot go on");
      std::vector<std::byte> bytes(4);
      messages->receive(1, bytes);
      messages->wait_received();
    });
  });

  EXPECT_EQ(text, "rank 1 cannot go on");
}

TEST(InProcessContext, AMessageThatARankNeverSendsIsAFaultAndNoHang) {
  const auto text = message_of<Fault>([] {
    run_ranks(2, [](DistributedContext& ctx) {
      const auto messages = ctx.peer_messages();
      std::vector<std::byte> bytes(4);
      if (ctx.rank() == 0) return;
      messages->receive(0, bytes);
      messages->wait();
    });
  });

  EXPECT_EQ(text, "rank 0 has left without a message that rank 1 waits for");
}

TEST(InProcessContext, AMessageThatARankNeverReceivesIsAFaultAndNoHang) {
  const auto text = message_of<Fault>([] {
    run_ranks(2, [](DistributedContext& ctx) {
      const auto messages = ctx.peer_messages();
      const std::vector<std::byte> bytes(4);
      if (ctx.rank() == 0) return;
      messages->send(0, bytes);
      messages->wait();
    });
  });

  EXPECT_EQ(text, "rank 0 has left without a message that rank 1 waits for");
}

TEST(InProcessContext, MessagesOfOtherSizesThanTheirPlacesAreAFault) {
  for (const std::size_t size : {std::size_t{3}, std::size_t{5}}) {
    const auto text = message_of<Fault>([&] {
      run_ranks(2, [&](DistributedContext& ctx) {
        std::vector<std::byte> bytes(ctx.rank() == 0 ? size : 4);
        const auto messages = ctx.peer_messages();
        if (ctx.rank() == 0) messages->send(1, bytes);
        if (ctx.rank() == 1) messages->receive(0, bytes);
        messages->wait();
      });
    });

    EXPECT_EQ(text, "a message of " + std::to_string(size) + " bytes from rank 0, but room for 4 on rank 1");
  }
}

TEST(InProcessContext, SumsOfDifferentLengthsAreAFault) {
  const auto text = message_of<Fault>([] {
    run_ranks(2, [](DistributedContext& ctx) {
      const auto sums = ctx.float_sums(4096);
      conformance::push(*sums, std::vector<float>(ctx.rank() == 0 ? 2 : 3));
      sums->wait();
      ctx.barrier();
    });
  });

  EXPECT_NE(text.find("sum no. 0 has "), std::string::npos) << text;
}

TEST(InProcessContext, QueuedFloatsAreAddedInRankOrder) {
  // (1e8 + 1) - 1e8 is 0 in float and (1e8 - 1e8) + 1 is 1, so only one order gives each result.
  run_ranks(3, [](DistributedContext& ctx) {
    const auto rank = static_cast<std::size_t>(ctx.rank());
    const auto sums = ctx.float_sums(4096);

    conformance::push(*sums, {std::vector{1e8f, 1.0f, -1e8f}[rank], std::vector{1e8f, -1e8f, 1.0f}[rank]});

    EXPECT_EQ(conformance::take(*sums, 2), (std::vector<float>{0.0f, 1.0f}));
  });
}

}  // namespace
}  // namespace plexus
