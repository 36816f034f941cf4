#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/layer_edit_serialization.hpp"
#include "tests/mpi/conformance_case.hpp"
#include "tests/mpi/part_conformance.hpp"

// What every DistributedContext must do: one list of cases, run by ranks that are threads (test_contexts.cpp)
// and by real MPI processes (mpi_launch/test_mpi_context.cpp). All ranks run a case together.

namespace plexus::conformance {

inline void rank_and_size(DistributedContext& ctx) {
  EXPECT_GE(ctx.rank(), 0);
  EXPECT_LT(ctx.rank(), ctx.size());
  EXPECT_EQ(sum(ctx, std::int64_t{1}), ctx.size());
  EXPECT_EQ(sum(ctx, std::int64_t{ctx.rank()}), triangle(ctx.size()));
}

inline void sum_of_integers(DistributedContext& ctx) {
  std::vector<std::int64_t> values = {ctx.rank(), 10 * ctx.rank(), 1, -5, std::int64_t{1} << 52};

  ctx.sum(values);

  const std::int64_t p = ctx.size();
  EXPECT_EQ(values,
            (std::vector<std::int64_t>{triangle(ctx.size()), 10 * triangle(ctx.size()), p, -5 * p, p << 52}));
}

inline void sum_of_integers_wraps_around(DistributedContext& ctx) {
  std::vector<std::int64_t> values = {ctx.rank() == 0 ? std::numeric_limits<std::int64_t>::max() : 1};

  ctx.sum(values);

  const auto expected =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) +
                                static_cast<std::uint64_t>(ctx.size() - 1));
  EXPECT_EQ(values[0], expected);
}

inline void largest_of_integers(DistributedContext& ctx) {
  const std::int64_t last = ctx.size() - 1;
  std::vector<std::int64_t> values = {ctx.rank(), -ctx.rank(), last - ctx.rank(),
                                      ctx.rank() == last ? std::int64_t{1} << 60 : -5,
                                      std::numeric_limits<std::int64_t>::min() + ctx.rank()};
  std::vector<std::int64_t> none;

  ctx.maximum(values);
  ctx.maximum(none);

  EXPECT_EQ(values, (std::vector<std::int64_t>{last, 0, last, std::int64_t{1} << 60,
                                               std::numeric_limits<std::int64_t>::min() + last}));
}

inline void queued_integers_wrap_around(DistributedContext& ctx) {
  const auto sums = ctx.integer_sums(4096);

  push(*sums, {ctx.rank() == 0 ? std::numeric_limits<std::int64_t>::max() : 1, -5});

  const auto wrapped =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) +
                                static_cast<std::uint64_t>(ctx.size() - 1));
  EXPECT_EQ(take(*sums, 2), (std::vector<std::int64_t>{wrapped, -5 * ctx.size()}));
}

inline void queued_floats(DistributedContext& ctx) {
  const auto sums = ctx.float_sums(4096);
  std::vector<float> terms(11), expected(11);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    terms[i] = static_cast<float>(ctx.rank()) + 0.25f * static_cast<float>(i);
    expected[i] = static_cast<float>(triangle(ctx.size())) +
                  0.25f * static_cast<float>(i) * static_cast<float>(ctx.size());
  }

  push(*sums, terms);

  EXPECT_EQ(take(*sums, terms.size()), expected);  // exact: all terms are small multiples of 1/4
}

/// Rounding differs with the order of the ranks, but not between them.
inline void queued_floats_are_the_same_on_all_ranks(DistributedContext& ctx) {
  const auto sums = ctx.float_sums(4096);
  std::vector<float> terms(100);
  for (std::size_t i = 0; i < terms.size(); ++i)
    terms[i] = 1.0f / static_cast<float>(3 + 7 * i + 5 * static_cast<std::size_t>(ctx.rank()));

  push(*sums, terms);

  const auto all = gather_all(ctx, take(*sums, terms.size()));
  for (const auto& sum : all) EXPECT_EQ(sum, all[0]);
}

/// Terms of sum `number`: other ones on each rank, and more of them in each sum.
inline std::vector<std::int64_t> terms_of(int number, int rank) {
  std::vector<std::int64_t> terms(static_cast<std::size_t>(3 + 17 * number));
  for (std::size_t i = 0; i < terms.size(); ++i)
    terms[i] = 1000 * number + static_cast<std::int64_t>(i) * (rank + 1);
  return terms;
}

inline std::vector<std::int64_t> sum_of_terms(int number, int ranks) {
  std::vector<std::int64_t> sum(terms_of(number, 0).size());
  for (int rank = 0; rank < ranks; ++rank) {
    const auto terms = terms_of(number, rank);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += terms[i];
  }
  return sum;
}

inline void queued_sums_come_first_in_first_out(DistributedContext& ctx) {
  const auto sums = ctx.integer_sums(std::size_t{1} << 20);
  for (int number = 0; number < 5; ++number) {
    push(*sums, terms_of(number, ctx.rank()));
    if (ctx.rank() % 2 == 0) sums->poll();
  }
  for (int number = 0; number < 5; ++number) {
    const auto expected = sum_of_terms(number, ctx.size());
    EXPECT_EQ(take(*sums, expected.size()), expected) << "sum " << number;
  }
}

/// Ranks poll whenever they like, also while the terms of the next sum are being made.
inline void polling_changes_nothing(DistributedContext& ctx) {
  const auto sums = ctx.integer_sums(4096);
  for (int number = 0; number < 600; ++number) {
    const auto terms = terms_of(number % 5, ctx.rank());
    const auto room = sums->next(terms.size());
    for (int i = 0; i < 3; ++i) sums->poll();
    std::ranges::copy(terms, room.begin());
    sums->poll();
    sums->start();
    sums->poll();
    const auto expected = sum_of_terms(number % 5, ctx.size());
    ASSERT_EQ(take(*sums, expected.size()), expected) << "sum " << number;
  }
}

inline void a_queued_sum_is_read_in_pieces(DistributedContext& ctx) {
  const auto sums = ctx.integer_sums(4096);
  const auto expected = sum_of_terms(9, ctx.size());
  push(*sums, terms_of(9, ctx.rank()));
  sums->wait();

  for (const std::size_t length : {std::size_t{1}, std::size_t{7}, std::size_t{50}}) {
    for (std::size_t first = 0; first + length <= expected.size(); first += 13) {
      std::vector<std::int64_t> scratch(length);
      const std::int64_t* values = sums->values(first, length, scratch.data());
      const auto begin = expected.begin() + static_cast<std::ptrdiff_t>(first);
      EXPECT_TRUE(std::equal(values, values + length, begin)) << length << " from " << first;
    }
  }
}

/// Many more sums than fit into the memory of the queue, of changing lengths, while ranks take them at
/// different times.
inline void a_queue_is_used_again_and_again(DistributedContext& ctx) {
  const auto sums = ctx.integer_sums(2048);
  int taken = 0;
  const auto take_one = [&] {
    const auto expected = sum_of_terms(taken % 12, ctx.size());
    ASSERT_EQ(take(*sums, expected.size()), expected) << "sum " << taken;
    ++taken;
  };
  int pushed = 0;
  for (; pushed < 300; ++pushed) {
    const auto terms = terms_of(pushed % 12, ctx.rank());
    while (!sums->has_room(terms.size())) take_one();
    push(*sums, terms);
    if (taken < pushed && (pushed + ctx.rank()) % 5 == 0) take_one();
  }
  EXPECT_GT(taken, 200);
  while (taken < pushed) take_one();
}

inline void a_sum_larger_than_the_queue_gets_its_memory(DistributedContext& ctx) {
  const auto sums = ctx.integer_sums(256);
  push(*sums, {1, 2});

  EXPECT_FALSE(sums->has_room(1000));
  EXPECT_EQ(take(*sums, 2), (std::vector<std::int64_t>{ctx.size(), 2 * ctx.size()}));

  push(*sums, std::vector<std::int64_t>(1000, 3));
  EXPECT_EQ(take(*sums, 1000), std::vector<std::int64_t>(1000, 3 * ctx.size()));
  push(*sums, {4});
  EXPECT_EQ(take(*sums, 1), std::vector<std::int64_t>{4 * ctx.size()});
}

inline void more_small_sums_than_a_queue_counts(DistributedContext& ctx) {
  const auto sums = ctx.integer_sums(std::size_t{1} << 20);
  int pushed = 0;
  while (sums->has_room(1)) push(*sums, {pushed++});
  EXPECT_GT(pushed, 100);
  for (int i = 0; i < pushed; ++i) EXPECT_EQ(take(*sums, 1), std::vector<std::int64_t>{i * ctx.size()});
}

inline void other_calls_while_sums_are_under_way(DistributedContext& ctx) {
  const auto integers = ctx.integer_sums(4096);
  const auto floats = ctx.float_sums(4096);

  push(*integers, std::vector<std::int64_t>(50, 2));
  ctx.barrier();
  push(*floats, {0.5f});
  const auto ranks = gather_all(ctx, ctx.rank());

  EXPECT_EQ(ranks.size(), static_cast<std::size_t>(ctx.size()));
  EXPECT_EQ(take(*floats, 1), std::vector<float>{0.5f * static_cast<float>(ctx.size())});
  EXPECT_EQ(take(*integers, 50), std::vector<std::int64_t>(50, 2 * ctx.size()));
}

inline void a_queue_ends_with_sums_under_way(DistributedContext& ctx) {
  {
    const auto sums = ctx.integer_sums(4096);
    push(*sums, std::vector<std::int64_t>(50, 2));
  }

  EXPECT_EQ(sum(ctx, std::int64_t{1}), ctx.size());
}

inline void empty_buffers(DistributedContext& ctx) {
  std::vector<std::int64_t> none;
  std::vector<std::byte> no_bytes;
  const auto sums = ctx.integer_sums(4096);

  ctx.sum(none);
  push(*sums, none);
  ctx.broadcast(no_bytes, 0);
  const auto all = ctx.allgather(no_bytes);

  EXPECT_TRUE(take(*sums, 0).empty());
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
  std::vector<Case> all = {
      {"RankAndSize", rank_and_size},
      {"SumOfIntegers", sum_of_integers},
      {"SumOfIntegersWrapsAround", sum_of_integers_wraps_around},
      {"LargestOfIntegers", largest_of_integers},
      {"QueuedIntegersWrapAround", queued_integers_wrap_around},
      {"QueuedFloats", queued_floats},
      {"QueuedFloatsAreTheSameOnAllRanks", queued_floats_are_the_same_on_all_ranks},
      {"QueuedSumsComeFirstInFirstOut", queued_sums_come_first_in_first_out},
      {"PollingChangesNothing", polling_changes_nothing},
      {"AQueuedSumIsReadInPieces", a_queued_sum_is_read_in_pieces},
      {"AQueueIsUsedAgainAndAgain", a_queue_is_used_again_and_again},
      {"ASumLargerThanTheQueueGetsItsMemory", a_sum_larger_than_the_queue_gets_its_memory},
      {"MoreSmallSumsThanAQueueCounts", more_small_sums_than_a_queue_counts},
      {"OtherCallsWhileSumsAreUnderWay", other_calls_while_sums_are_under_way},
      {"AQueueEndsWithSumsUnderWay", a_queue_ends_with_sums_under_way},
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
  std::ranges::copy(part_cases(), std::back_inserter(all));
  return all;
}

}  // namespace plexus::conformance
