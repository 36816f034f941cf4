#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "mpi/collectives.hpp"
#include "tests/mpi/conformance_case.hpp"

// What model parts need of a DistributedContext: parts of the ranks, bytes from each rank to each, and
// messages between single ranks.

namespace plexus::conformance {

/// The ranks of `ctx` for which `belongs`.
template <class F>
std::vector<int> ranks_that(const DistributedContext& ctx, F belongs) {
  std::vector<int> ranks;
  for (int rank = 0; rank < ctx.size(); ++rank) {
    if (belongs(rank)) ranks.push_back(rank);
  }
  return ranks;
}

/// All calls work on `part`, whose ranks are `ranks` of `ctx`.
inline void check_part(const DistributedContext& ctx, DistributedContext& part,
                       const std::vector<int>& ranks) {
  SCOPED_TRACE(testing::Message() << "rank " << ctx.rank() << " of " << ctx.size() << ", rank " << part.rank()
                                  << " of " << part.size() << " of its part");
  ASSERT_EQ(part.size(), static_cast<int>(ranks.size()));
  ASSERT_EQ(ranks[static_cast<std::size_t>(part.rank())], ctx.rank());
  const DistributedContext::JobRanks job = ctx.job_ranks();
  std::vector<int> ranks_of_job;
  for (const int rank : ranks) ranks_of_job.push_back(job.ranks.at(static_cast<std::size_t>(rank)));
  EXPECT_EQ(part.job_ranks().ranks, ranks_of_job);
  EXPECT_EQ(part.job_ranks().size, job.size);
  const std::int64_t total = std::accumulate(ranks.begin(), ranks.end(), std::int64_t{0});

  part.barrier();
  EXPECT_EQ(gather_all(part, ctx.rank()), ranks);
  EXPECT_EQ(sum(part, std::int64_t{ctx.rank()}), total);
  std::vector<std::int64_t> highest = {ctx.rank(), -ctx.rank()};
  part.maximum(highest);
  EXPECT_EQ(highest, (std::vector<std::int64_t>{ranks.back(), -ranks.front()}));
  for (int root = 0; root < part.size(); ++root) {
    auto bytes = bytes_of_rank(ctx.rank(), 61);
    part.broadcast(bytes, root);
    EXPECT_EQ(bytes, bytes_of_rank(ranks[static_cast<std::size_t>(root)], 61));
  }
  const auto integers = part.integer_sums(4096);
  const auto floats = part.float_sums(4096);
  push(*integers, {ctx.rank(), 1});
  push(*floats, {0.5f * static_cast<float>(ctx.rank())});
  EXPECT_EQ(take(*integers, 2), (std::vector<std::int64_t>{total, part.size()}));
  EXPECT_EQ(take(*floats, 1), std::vector<float>{0.5f * static_cast<float>(total)});
  std::vector<std::vector<int>> outgoing(ranks.size());
  for (std::size_t peer = 0; peer < ranks.size(); ++peer) outgoing[peer] = {ctx.rank(), ranks[peer]};
  const auto incoming = exchange_numbers(part, outgoing);
  for (std::size_t peer = 0; peer < ranks.size(); ++peer)
    EXPECT_EQ(incoming[peer], (std::vector<int>{ranks[peer], ctx.rank()}));
}

inline void a_part_of_each_parity(DistributedContext& ctx) {
  const int parity = ctx.rank() % 2;

  const auto part = ctx.split(parity);

  check_part(ctx, *part, ranks_that(ctx, [&](int rank) { return rank % 2 == parity; }));
  EXPECT_EQ(sum(ctx, std::int64_t{1}), ctx.size());
}

inline void parts_of_one_rank(DistributedContext& ctx) {
  const auto part = ctx.split(7 * (ctx.size() - ctx.rank()));  // other colours than ranks, and downwards

  check_part(ctx, *part, {ctx.rank()});
}

inline void a_part_of_all_ranks(DistributedContext& ctx) {
  const auto part = ctx.split(3);

  check_part(ctx, *part, ranks_that(ctx, [](int) { return true; }));
}

inline void parts_of_parts(DistributedContext& ctx) {
  const auto outer = ctx.split(ctx.rank() % 2);
  const auto inner = outer->split(outer->rank() / 2);

  check_part(ctx, *inner, ranks_that(ctx, [&](int rank) {
               return rank % 2 == ctx.rank() % 2 && rank / 2 / 2 == outer->rank() / 2;
             }));
  check_part(ctx, *outer, ranks_that(ctx, [&](int rank) { return rank % 2 == ctx.rank() % 2; }));
}

/// Data groups and model parts: each rank is in a row and in a column of a grid.
inline void rows_and_columns_of_a_grid(DistributedContext& ctx) {
  const int width = 2;
  const auto row = ctx.split(ctx.rank() / width);
  const auto column = ctx.split(ctx.rank() % width);

  for (int i = 0; i < 3; ++i) {
    check_part(ctx, *row, ranks_that(ctx, [&](int rank) { return rank / width == ctx.rank() / width; }));
    check_part(ctx, *column, ranks_that(ctx, [&](int rank) { return rank % width == ctx.rank() % width; }));
    EXPECT_EQ(sum(ctx, std::int64_t{1}), ctx.size());
  }
}

/// Each part makes other sums, and another number of them, while those of the whole are under way.
inline void parts_make_sums_at_the_same_time(DistributedContext& ctx) {
  const int parity = ctx.rank() % 2;
  const auto part = ctx.split(parity);
  const auto of_part = part->integer_sums(1024);
  const auto of_all = ctx.integer_sums(4096);

  for (int round = 0; round < 5; ++round) {
    push(*of_all, std::vector<std::int64_t>(40, round + ctx.rank()));
    for (std::int64_t number = 0; number < 20 * (parity + 1); ++number) {
      const auto length = static_cast<std::size_t>(number + 1 + parity);
      push(*of_part, std::vector<std::int64_t>(length, number * (part->rank() + 1)));
      of_all->poll();
      const std::int64_t expected = number * (part->size() + triangle(part->size()));
      ASSERT_EQ(take(*of_part, length), std::vector<std::int64_t>(length, expected)) << "sum " << number;
    }
    EXPECT_EQ(take(*of_all, 40), std::vector<std::int64_t>(40, round * ctx.size() + triangle(ctx.size())));
  }
}

/// The second comes when the first has gone, and the third while the second is there.
inline void parts_come_and_go(DistributedContext& ctx) {
  for (int i = 0; i < 20; ++i) {
    const auto part = ctx.split((ctx.rank() + i) % 2);
    const auto sums = part->float_sums(256);
    push(*sums, {1.0f});
    const auto another = ctx.split(0);
    EXPECT_EQ(take(*sums, 1), std::vector<float>{static_cast<float>(part->size())});
    EXPECT_EQ(sum(*another, std::int64_t{1}), ctx.size());
  }
}

inline void a_part_has_no_negative_colour(DistributedContext& ctx) {
  EXPECT_THROW(static_cast<void>(ctx.split(-1)), Fault);
}

/// Numbers that `from` sends to `to`: other ones for each pair.
inline std::vector<std::int32_t> numbers_of(int from, int to, std::size_t count) {
  std::vector<std::int32_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i)
    numbers[i] = static_cast<std::int32_t>(10'000 * from + 1'000 * to + static_cast<int>(i));
  return numbers;
}

/// Rank r sends `size_of(r, s)` numbers to rank s.
template <class F>
void check_exchange(DistributedContext& ctx, F size_of) {
  std::vector<std::vector<std::int32_t>> outgoing;
  for (int to = 0; to < ctx.size(); ++to)
    outgoing.push_back(numbers_of(ctx.rank(), to, size_of(ctx.rank(), to)));

  const auto incoming = exchange_numbers(ctx, outgoing);

  ASSERT_EQ(incoming.size(), static_cast<std::size_t>(ctx.size()));
  for (int from = 0; from < ctx.size(); ++from) {
    EXPECT_EQ(incoming[static_cast<std::size_t>(from)],
              numbers_of(from, ctx.rank(), size_of(from, ctx.rank())))
        << "from rank " << from << " to rank " << ctx.rank();
  }
}

inline void exchange_of_different_sizes(DistributedContext& ctx) {
  check_exchange(ctx, [](int from, int to) { return static_cast<std::size_t>(3 * from + 17 * to + 1); });
}

inline void exchange_with_some_ranks_only(DistributedContext& ctx) {
  check_exchange(ctx, [&](int from, int to) { return std::size_t{(from + 1) % ctx.size() == to ? 5u : 0u}; });
  check_exchange(ctx, [](int from, int to) { return std::size_t{from > to ? 5u : 0u}; });
  check_exchange(ctx, [](int from, int) { return std::size_t{from == 0 ? 5u : 0u}; });
}

inline void exchange_of_nothing(DistributedContext& ctx) {
  check_exchange(ctx, [](int, int) { return std::size_t{0}; });
}

inline void large_exchanges(DistributedContext& ctx) {
  for (std::size_t i = 0; i < 5; ++i) {
    check_exchange(ctx, [&](int from, int to) {
      return static_cast<std::size_t>(from + to) % 2 == 0 ? 3'001 + i : std::size_t{20'000};
    });
  }
}

inline void exchange_of_bytes_into_places(DistributedContext& ctx) {
  const auto mine = bytes_of_rank(ctx.rank(), 5);
  const std::vector<std::span<const std::byte>> outgoing(static_cast<std::size_t>(ctx.size()), mine);
  std::vector<std::byte> joined(5 * outgoing.size());
  std::vector<int> asked;

  ctx.exchange(outgoing, [&](int rank, std::size_t bytes) {
    asked.push_back(rank);
    return std::span(joined).subspan(5 * static_cast<std::size_t>(rank), bytes);
  });

  EXPECT_EQ(asked, ranks_that(ctx, [](int) { return true; }));
  for (int rank = 0; rank < ctx.size(); ++rank) {
    const auto expected = bytes_of_rank(rank, 5);
    EXPECT_TRUE(
        std::ranges::equal(std::span(joined).subspan(5 * static_cast<std::size_t>(rank), 5), expected));
  }
}

inline void exchange_wants_bytes_for_each_rank(DistributedContext& ctx) {
  const std::vector<std::vector<int>> outgoing(static_cast<std::size_t>(ctx.size()) + 1);

  EXPECT_THROW(static_cast<void>(exchange_numbers(ctx, outgoing)), Fault);
}

/// Some rounds in which rank r sends `size_of(r, s)` bytes to rank s.
template <class F>
void check_rounds(DistributedContext& ctx, PeerMessages& messages, int rounds, F size_of) {
  const auto ranks = static_cast<std::size_t>(ctx.size());
  std::vector<std::vector<std::byte>> in(ranks), out(ranks);
  for (int peer = 0; peer < ctx.size(); ++peer) {
    in[static_cast<std::size_t>(peer)].resize(size_of(peer, ctx.rank()));
    out[static_cast<std::size_t>(peer)].resize(size_of(ctx.rank(), peer));
  }
  for (int round = 0; round < rounds; ++round) {
    for (int peer = 0; peer < ctx.size(); ++peer) {
      auto& bytes = out[static_cast<std::size_t>(peer)];
      bytes = bytes_of_rank(100 * round + 10 * ctx.rank() + peer, bytes.size());
      // Some receive before they send, and some after it.
      if (ctx.rank() % 2 == 0) messages.receive(peer, in[static_cast<std::size_t>(peer)]);
      messages.send(peer, bytes);
      if (ctx.rank() % 2 == 1) messages.receive(peer, in[static_cast<std::size_t>(peer)]);
      messages.poll();
    }
    if (round % 2 == 0) messages.wait_received();
    messages.wait();
    for (int peer = 0; peer < ctx.size(); ++peer) {
      ASSERT_EQ(in[static_cast<std::size_t>(peer)],
                bytes_of_rank(100 * round + 10 * peer + ctx.rank(), size_of(peer, ctx.rank())))
          << "round " << round << ", from rank " << peer << " to rank " << ctx.rank();
    }
  }
}

inline void messages_between_all_ranks(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();

  check_rounds(ctx, *messages, 50,
               [](int from, int to) { return static_cast<std::size_t>(5 * from + to + 1); });
}

inline void messages_to_the_next_rank(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();

  check_rounds(ctx, *messages, 50,
               [&](int from, int to) { return std::size_t{(from + 1) % ctx.size() == to ? 100u : 0u}; });
}

inline void messages_of_one_rank_only(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();

  check_rounds(ctx, *messages, 10,
               [](int from, int to) { return std::size_t{from == 0 && to > 0 ? 9u : 0u}; });
}

inline void large_messages(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();

  check_rounds(ctx, *messages, 3, [](int from, int to) {
    return from < to ? std::size_t{100'000} : static_cast<std::size_t>(20'000 + from);
  });
}

inline void rounds_without_messages(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();

  messages->wait();
  check_rounds(ctx, *messages, 3, [](int, int) { return std::size_t{0}; });
}

inline void rounds_of_other_sizes(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();
  for (const std::size_t size : {7u, 300u, 0u, 30u, 1u})
    check_rounds(ctx, *messages, 2, [&](int from, int) { return size * static_cast<std::size_t>(from); });
}

inline void messages_come_in_the_order_of_posting(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();
  const int next = (ctx.rank() + 1) % ctx.size();
  const int last = (ctx.rank() + ctx.size() - 1) % ctx.size();
  std::vector<std::int64_t> out(100), in(100);
  std::iota(out.begin(), out.end(), 1000 * ctx.rank());
  const auto part_of = [](std::vector<std::int64_t>& numbers, std::size_t first, std::size_t count) {
    return std::as_writable_bytes(std::span(numbers).subspan(first, count));
  };

  for (std::size_t i = 0; i < 10; ++i) messages->send(next, part_of(out, i, 1));
  messages->send(next, part_of(out, 10, 90));
  for (std::size_t i = 0; i < 10; ++i) messages->receive(last, part_of(in, i, 1));
  messages->receive(last, part_of(in, 10, 90));
  messages->wait();

  std::vector<std::int64_t> expected(100);
  std::iota(expected.begin(), expected.end(), 1000 * last);
  EXPECT_EQ(in, expected);
}

inline void messages_of_other_labels_overtake(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();
  const int next = (ctx.rank() + 1) % ctx.size();
  const int last = (ctx.rank() + ctx.size() - 1) % ctx.size();
  const std::array<int, 4> labels = {5, 0, PeerMessages::most_labels - 1, 5};
  std::vector<std::vector<std::byte>> out, in;
  for (int i = 0; i < 4; ++i) {
    out.push_back(bytes_of_rank(10 * ctx.rank() + i, static_cast<std::size_t>(7 + i)));
    in.emplace_back(out.back().size());
  }

  for (const std::size_t i : {0u, 1u, 2u, 3u}) messages->receive(last, in[i], labels[i]);
  for (const std::size_t i : {2u, 1u, 0u, 3u}) messages->send(next, out[i], labels[i]);
  messages->wait();

  for (int i = 0; i < 4; ++i) {
    const auto& bytes = in[static_cast<std::size_t>(i)];
    EXPECT_EQ(bytes, bytes_of_rank(10 * last + i, bytes.size()))
        << "label " << labels[static_cast<std::size_t>(i)];
  }
}

/// Whoever needs the first message goes on before the others are sent.
inline void the_first_messages_can_be_waited_for(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();
  const int next = (ctx.rank() + 1) % ctx.size();
  const int last = (ctx.rank() + ctx.size() - 1) % ctx.size();
  for (int round = 0; round < 3; ++round) {
    const auto first = bytes_of_rank(ctx.rank() + round, 9);
    const auto large = bytes_of_rank(ctx.rank() + round + 50, 100'000);
    std::vector<std::byte> first_in(9), large_in(100'000);

    EXPECT_EQ(messages->receive(last, std::span<std::byte>()), 0u);
    EXPECT_EQ(messages->receive(last, first_in, 1), 1u);
    EXPECT_EQ(messages->receive(last, large_in, 2), 2u);
    EXPECT_TRUE(messages->poll());
    messages->send(next, first, 1);
    messages->wait_received(0);
    messages->wait_received(1);
    EXPECT_EQ(first_in, bytes_of_rank(last + round, 9));
    ctx.barrier();
    messages->send(next, large, 2);
    messages->wait_received(2);
    EXPECT_EQ(large_in, bytes_of_rank(last + round + 50, 100'000));
    messages->wait();
    EXPECT_FALSE(messages->poll());
  }
}

/// What is sent by one object is received by its counterparts only, and by no other call.
inline void messages_meet_no_other_traffic(DistributedContext& ctx) {
  const auto first = ctx.peer_messages();
  const auto second = ctx.peer_messages();
  const int next = (ctx.rank() + 1) % ctx.size();
  const int last = (ctx.rank() + ctx.size() - 1) % ctx.size();
  const auto out_first = bytes_of_rank(ctx.rank(), 40);
  const auto out_second = bytes_of_rank(ctx.rank() + 100, 40);
  std::vector<std::byte> in_first(40), in_second(40);

  first->send(next, out_first);
  second->send(next, out_second);
  check_exchange(ctx, [](int, int) { return std::size_t{10}; });
  second->receive(last, in_second);
  const auto sums = ctx.integer_sums(1024);
  push(*sums, {1});
  first->receive(last, in_first);
  ctx.barrier();
  second->wait();
  EXPECT_EQ(take(*sums, 1), std::vector<std::int64_t>{ctx.size()});
  first->wait();

  EXPECT_EQ(in_first, bytes_of_rank(last, 40));
  EXPECT_EQ(in_second, bytes_of_rank(last + 100, 40));
}

/// A rank that needs what it received to go on does not wait until all have taken what it sent.
inline void waiting_for_what_comes_waits_for_nothing_else(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();
  const int next = (ctx.rank() + 1) % ctx.size();
  const int last = (ctx.rank() + ctx.size() - 1) % ctx.size();
  const auto large = bytes_of_rank(ctx.rank(), 100'000);
  const auto small = bytes_of_rank(ctx.rank() + 50, 8);
  std::vector<std::byte> large_in(100'000), small_in(8);

  messages->receive(last, small_in);
  messages->send(next, small);
  messages->send(next, large);
  messages->wait_received();
  EXPECT_EQ(small_in, bytes_of_rank(last + 50, 8));
  ctx.barrier();
  messages->receive(last, large_in);
  messages->wait();

  EXPECT_EQ(large_in, bytes_of_rank(last, 100'000));
}

inline void messages_within_parts(DistributedContext& ctx) {
  const auto part = ctx.split(ctx.rank() % 2);
  const auto messages = part->peer_messages();
  const auto messages_of_all = ctx.peer_messages();

  check_rounds(*part, *messages, 10 + ctx.rank() % 2,
               [](int from, int to) { return static_cast<std::size_t>(5 * from + to); });
  check_rounds(ctx, *messages_of_all, 5, [](int, int) { return std::size_t{4}; });
}

inline void messages_end_with_some_under_way(DistributedContext& ctx) {
  const auto mine = bytes_of_rank(ctx.rank(), 40);
  std::vector<std::byte> in(40);
  {
    const auto messages = ctx.peer_messages();
    messages->receive((ctx.rank() + ctx.size() - 1) % ctx.size(), in);
    messages->send((ctx.rank() + 1) % ctx.size(), mine);
  }

  EXPECT_EQ(in, bytes_of_rank((ctx.rank() + ctx.size() - 1) % ctx.size(), 40));
  EXPECT_EQ(sum(ctx, std::int64_t{1}), ctx.size());
}

inline void messages_want_peers_that_exist(DistributedContext& ctx) {
  const auto messages = ctx.peer_messages();
  std::vector<std::byte> bytes(4);

  EXPECT_THROW(messages->send(ctx.size(), bytes), Fault);
  EXPECT_THROW(messages->receive(-1, bytes), Fault);
}

inline std::vector<Case> part_cases() {
  return {{"APartOfEachParity", a_part_of_each_parity},
          {"PartsOfOneRank", parts_of_one_rank},
          {"APartOfAllRanks", a_part_of_all_ranks},
          {"PartsOfParts", parts_of_parts},
          {"RowsAndColumnsOfAGrid", rows_and_columns_of_a_grid},
          {"PartsMakeSumsAtTheSameTime", parts_make_sums_at_the_same_time},
          {"PartsComeAndGo", parts_come_and_go},
          {"APartHasNoNegativeColour", a_part_has_no_negative_colour},
          {"ExchangeOfDifferentSizes", exchange_of_different_sizes},
          {"ExchangeWithSomeRanksOnly", exchange_with_some_ranks_only},
          {"ExchangeOfNothing", exchange_of_nothing},
          {"LargeExchanges", large_exchanges},
          {"ExchangeOfBytesIntoPlaces", exchange_of_bytes_into_places},
          {"ExchangeWantsBytesForEachRank", exchange_wants_bytes_for_each_rank},
          {"MessagesBetweenAllRanks", messages_between_all_ranks},
          {"MessagesToTheNextRank", messages_to_the_next_rank},
          {"MessagesOfOtherLabelsOvertake", messages_of_other_labels_overtake},
          {"TheFirstMessagesCanBeWaitedFor", the_first_messages_can_be_waited_for},
          {"MessagesOfOneRankOnly", messages_of_one_rank_only},
          {"LargeMessages", large_messages},
          {"RoundsWithoutMessages", rounds_without_messages},
          {"RoundsOfOtherSizes", rounds_of_other_sizes},
          {"MessagesComeInTheOrderOfPosting", messages_come_in_the_order_of_posting},
          {"MessagesMeetNoOtherTraffic", messages_meet_no_other_traffic},
          {"WaitingForWhatComesWaitsForNothingElse", waiting_for_what_comes_waits_for_nothing_else},
          {"MessagesWithinParts", messages_within_parts},
          {"MessagesEndWithSomeUnderWay", messages_end_with_some_under_way},
          {"MessagesWantPeersThatExist", messages_want_peers_that_exist}};
}

}  // namespace plexus::conformance
