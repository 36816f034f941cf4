#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/layer_edit_serialization.hpp"

// What every DistributedContext must do: one list of cases, run by ranks that are threads (test_contexts.cpp)
// and by real MPI processes (mpi_launch/test_mpi_context.cpp). All ranks run a case together.

namespace plexus::conformance {

struct Case {
  std::string name;
  std::function<void(DistributedContext&)> run;
};

inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// `count` bytes that differ by rank and place.
inline std::vector<std::byte> bytes_of_rank(int rank, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i)
    bytes[i] = static_cast<std::byte>(31 * (rank + 1) + 7 * static_cast<int>(i));
  return bytes;
}

/// 0 + 1 + ... + (size - 1)
inline std::int64_t triangle(int size) { return std::int64_t{size} * (size - 1) / 2; }

inline void rank_and_size(DistributedContext& ctx) {
  EXPECT_GE(ctx.rank(), 0);
  EXPECT_LT(ctx.rank(), ctx.size());
  EXPECT_EQ(sum(ctx, std::int64_t{1}), ctx.size());
  EXPECT_EQ(sum(ctx, std::int64_t{ctx.rank()}), triangle(ctx.size()));
}

inline void sum_of_integers(DistributedContext& ctx) {
  std::vector<std::int64_t> values = {ctx.rank(), 10 * ctx.rank(), 1, -5, std::int64_t{1} << 52};

  sum(ctx, values);

  const std::int64_t p = ctx.size();
  EXPECT_EQ(values,
            (std::vector<std::int64_t>{triangle(ctx.size()), 10 * triangle(ctx.size()), p, -5 * p, p << 52}));
}

inline void sum_of_integers_wraps_around(DistributedContext& ctx) {
  std::vector<std::int64_t> values = {ctx.rank() == 0 ? std::numeric_limits<std::int64_t>::max() : 1};

  sum(ctx, values);

  const auto expected =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) +
                                static_cast<std::uint64_t>(ctx.size() - 1));
  EXPECT_EQ(values[0], expected);
}

inline void sum_of_floats(DistributedContext& ctx) {
  std::vector<float> values(11);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(ctx.rank()) + 0.25f * static_cast<float>(i);

  ctx.start_sum(values)->wait();

  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto expected = static_cast<float>(triangle(ctx.size())) +
                          0.25f * static_cast<float>(i) * static_cast<float>(ctx.size());
    EXPECT_EQ(values[i], expected) << "element " << i;  // exact: all terms are small multiples of 1/4
  }
}

inline void sums_end_in_any_order(DistributedContext& ctx) {
  std::vector<std::int64_t> first(100, 1), third(33, ctx.rank());
  std::vector<float> second(7, 0.5f);

  auto sum_1 = ctx.start_sum(first);
  auto sum_2 = ctx.start_sum(second);
  auto sum_3 = ctx.start_sum(third);
  if (ctx.rank() % 2 == 0) {
    sum_3->wait();
    sum_1->wait();
    while (!sum_2->test()) {
    }
  } else {
    while (!sum_2->test()) {
    }
    sum_3->wait();
    sum_1->wait();
  }

  EXPECT_EQ(first, std::vector<std::int64_t>(100, ctx.size()));
  EXPECT_EQ(second, std::vector<float>(7, 0.5f * static_cast<float>(ctx.size())));
  EXPECT_EQ(third, std::vector<std::int64_t>(33, triangle(ctx.size())));
}

inline void other_calls_while_a_sum_is_under_way(DistributedContext& ctx) {
  std::vector<std::int64_t> values(50, 2);

  auto pending = ctx.start_sum(values);
  ctx.barrier();
  const auto ranks = gather_all(ctx, ctx.rank());
  pending->wait();

  EXPECT_EQ(ranks.size(), static_cast<std::size_t>(ctx.size()));
  EXPECT_EQ(values, std::vector<std::int64_t>(50, 2 * ctx.size()));
}

inline void a_completed_sum_stays_complete(DistributedContext& ctx) {
  std::vector<std::int64_t> values = {3};
  auto pending = ctx.start_sum(values);
  pending->wait();

  const bool complete = pending->test();
  pending->wait();

  EXPECT_TRUE(complete);
  EXPECT_EQ(values[0], 3 * ctx.size());
}

inline void an_abandoned_sum_completes(DistributedContext& ctx) {
  std::vector<std::int64_t> values = {4};

  { const auto pending = ctx.start_sum(values); }

  EXPECT_EQ(values[0], 4 * ctx.size());
}

inline void empty_buffers(DistributedContext& ctx) {
  std::vector<std::int64_t> none;
  std::vector<std::byte> no_bytes;

  auto pending = ctx.start_sum(none);
  pending->wait();
  ctx.broadcast(no_bytes, 0);
  const auto all = ctx.allgather(no_bytes);

  EXPECT_TRUE(pending->test());
  EXPECT_EQ(all, std::vector<std::vector<std::byte>>(static_cast<std::size_t>(ctx.size())));
}

inline void broadcast_from_each_rank(DistributedContext& ctx) {
  for (int root = 0; root < ctx.size(); ++root) {
    auto bytes = bytes_of_rank(ctx.rank(), 61);

    ctx.broadcast(bytes, root);

    EXPECT_EQ(bytes, bytes_of_rank(root, 61)) << "root " << root;
  }
}

inline void broadcast_from_a_rank_that_does_not_exist(DistributedContext& ctx) {
  std::vector<std::byte> bytes(3);

  EXPECT_THROW(ctx.broadcast(bytes, ctx.size()), Fault);
  EXPECT_THROW(ctx.broadcast(bytes, -1), Fault);
}

/// Rank r sends `size_of(r)` bytes.
template <class F>
void check_allgather(DistributedContext& ctx, F size_of) {
  const auto all = ctx.allgather(bytes_of_rank(ctx.rank(), size_of(ctx.rank())));

  ASSERT_EQ(all.size(), static_cast<std::size_t>(ctx.size()));
  for (int rank = 0; rank < ctx.size(); ++rank) {
    EXPECT_EQ(all[static_cast<std::size_t>(rank)], bytes_of_rank(rank, size_of(rank)))
        << "from rank " << rank;
  }
}

inline void allgather_of_equal_sizes(DistributedContext& ctx) {
  check_allgather(ctx, [](int) { return std::size_t{1}; });
}

inline void allgather_of_different_sizes(DistributedContext& ctx) {
  check_allgather(ctx, [](int rank) { return static_cast<std::size_t>(3 + 17 * rank); });
}

inline void allgather_where_some_send_nothing(DistributedContext& ctx) {
  check_allgather(ctx, [](int rank) { return static_cast<std::size_t>(rank % 2 == 0 ? 0 : 5); });
  check_allgather(ctx, [](int rank) { return static_cast<std::size_t>(rank % 2 == 0 ? 5 : 0); });
}

inline void messages(DistributedContext& ctx) {
  using Message = std::pair<std::string, std::vector<double>>;
  const auto message_of = [](int rank) {
    return Message("rank " + std::to_string(rank), std::vector<double>(static_cast<std::size_t>(rank), 0.1));
  };

  const auto all = gather_all(ctx, message_of(ctx.rank()));
  Message copied = message_of(ctx.rank());
  broadcast_message(ctx, copied, ctx.size() - 1);

  ASSERT_EQ(all.size(), static_cast<std::size_t>(ctx.size()));
  for (int rank = 0; rank < ctx.size(); ++rank)
    EXPECT_EQ(all[static_cast<std::size_t>(rank)], message_of(rank));
  EXPECT_EQ(copied, message_of(ctx.size() - 1));
}

inline void edit_lists_travel(DistributedContext& ctx) {
  LayerEdit edit;
  edit.generation = 7;
  edit.removed_rows = {2};
  edit.removed_cols = {0, 5};
  edit.dropped = {1, std::int64_t{1} << 40};
  edit.grown = {{0, 3, 0.5f}, {4, 1, -0.25f}};
  const EditList expected = {edit, LayerEdit{}};

  EditList received;
  if (ctx.rank() == 0) received = expected;
  broadcast_message(ctx, received, 0);

  EXPECT_EQ(received, expected);
}

inline void largest_and_smallest(DistributedContext& ctx) {
  const double half = 0.5 * ctx.rank();

  EXPECT_EQ(largest(ctx, half), 0.5 * (ctx.size() - 1));
  EXPECT_EQ(smallest(ctx, half), 0.0);
}

inline void a_problem_of_the_last_rank_reaches_all(DistributedContext& ctx) {
  const int last = ctx.size() - 1;

  try {
    on_all_ranks(ctx, [&] { require(ctx.rank() != last, "no such file"); });
    ADD_FAILURE() << "rank " << ctx.rank() << " heard of no problem";
  } catch (const RanksFailed& failed) {
    EXPECT_EQ(failed.code(), ExitCode::input);
    EXPECT_NE(std::string(failed.what()).find("no such file"), std::string::npos) << failed.what();
  }
}

inline std::vector<Case> cases() {
  return {{"RankAndSize", rank_and_size},
          {"SumOfIntegers", sum_of_integers},
          {"SumOfIntegersWrapsAround", sum_of_integers_wraps_around},
          {"SumOfFloats", sum_of_floats},
          {"SumsEndInAnyOrder", sums_end_in_any_order},
          {"OtherCallsWhileASumIsUnderWay", other_calls_while_a_sum_is_under_way},
          {"ACompletedSumStaysComplete", a_completed_sum_stays_complete},
          {"AnAbandonedSumCompletes", an_abandoned_sum_completes},
          {"EmptyBuffers", empty_buffers},
          {"BroadcastFromEachRank", broadcast_from_each_rank},
          {"BroadcastFromARankThatDoesNotExist", broadcast_from_a_rank_that_does_not_exist},
          {"AllgatherOfEqualSizes", allgather_of_equal_sizes},
          {"AllgatherOfDifferentSizes", allgather_of_different_sizes},
          {"AllgatherWhereSomeSendNothing", allgather_where_some_send_nothing},
          {"Messages", messages},
          {"EditListsTravel", edit_lists_travel},
          {"LargestAndSmallest", largest_and_smallest},
          {"AProblemOfTheLastRankReachesAll", a_problem_of_the_last_rank_reaches_all}};
}

}  // namespace plexus::conformance
