#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "mpi/collectives.hpp"
#include "tests/mpi/conformance_case.hpp"

// What model parts need of a DistributedContext: parts of the ranks, and bytes from each rank to each.

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
          {"ExchangeWantsBytesForEachRank", exchange_wants_bytes_for_each_rank}};
}

}  // namespace plexus::conformance
