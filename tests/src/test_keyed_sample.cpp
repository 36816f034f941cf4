#include "src/support/keyed_sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "src/support/error.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

std::vector<Offset> sample(Offset size, Offset count, std::uint64_t seed = 1) {
  return keyed_sample(RandomStream(seed, Purpose::growth), size, count);
}

TEST(KeyedSample, HasSoManyDistinctNumbersInOrder) {
  for (const Offset size : {0, 1, 2, 7, 100, 5000, 9000, 100000}) {
    for (const double share : {0.0, 0.001, 0.1, 0.49, 0.5, 0.51, 0.9, 1.0}) {
      const auto count = static_cast<Offset>(share * static_cast<double>(size));

      const std::vector<Offset> numbers = sample(size, count);

      ASSERT_EQ(static_cast<Offset>(numbers.size()), count) << size;
      ASSERT_EQ(std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()), numbers.end())
          << size;
      if (count > 0) {
        ASSERT_GE(numbers.front(), 0);
        ASSERT_LT(numbers.back(), size);
      }
    }
  }
}

TEST(KeyedSample, OfAHugeRange) {
  const Offset size = Offset{1} << 62;

  for (const Offset count : {10, 20000}) {
    const std::vector<Offset> numbers = sample(size, count);

    EXPECT_EQ(static_cast<Offset>(numbers.size()), count);
    double mean = 0;
    for (const Offset number : numbers) mean += static_cast<double>(number) / static_cast<double>(size);
    EXPECT_NEAR(mean / static_cast<double>(count), 0.5, 4 * std::sqrt(1.0 / 12 / static_cast<double>(count)));
  }
}

TEST(KeyedSample, TheNumberOfThreadsChangesNothing) {
  for (const Offset count : {40000, 100000, 160000}) {
    for (const int threads : thread_counts) {
      EXPECT_EQ(with_threads(threads, [&] { return sample(200000, count); }), sample(200000, count))
          << threads;
    }
  }
}

TEST(KeyedSample, DependsOnTheStream) {
  EXPECT_EQ(sample(1000, 20, 3), sample(1000, 20, 3));
  EXPECT_NE(sample(1000, 20, 3), sample(1000, 20, 4));
}

TEST(KeyedSample, RefusesWhatDoesNotExist) {
  EXPECT_THROW(sample(5, 6), Fault);
  EXPECT_THROW(sample(5, -1), Fault);
}

TEST(KeyedSample, EverySetIsAsLikely) {
  for (const Offset count : {2, 3, 4}) {  // 4 of 6: those that are left out are sampled
    std::map<std::vector<Offset>, double> hits;
    const int samples = 6000;
    for (int seed = 0; seed < samples; ++seed) ++hits[sample(6, count, static_cast<std::uint64_t>(seed))];

    const auto sets = static_cast<double>(count == 3 ? 20 : 15);
    ASSERT_EQ(static_cast<double>(hits.size()), sets);
    double chi_square = 0;
    for (const auto& [set, hit] : hits) chi_square += std::pow(hit - samples / sets, 2) / (samples / sets);
    EXPECT_NEAR(chi_square, sets - 1, 4 * std::sqrt(2 * (sets - 1))) << count;
  }
}

/// Counts how often numbers, and pairs of neighbours, are in samples so large that a surplus is drawn and
/// discarded.
TEST(KeyedSample, NumbersAndPairsOfLargeSamplesAreAsLikely) {
  const Offset size = 10000;
  for (const Offset count : {4500, 6000}) {
    const int samples = 300;
    const double share = static_cast<double>(count) / static_cast<double>(size);
    std::vector<double> hits(static_cast<std::size_t>(size), 0.0);
    double pairs = 0;
    for (int seed = 0; seed < samples; ++seed) {
      const std::vector<Offset> numbers = sample(size, count, static_cast<std::uint64_t>(seed));
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        ++hits[numbers[i]];
        pairs += i > 0 && numbers[i] == numbers[i - 1] + 1 ? 1 : 0;
      }
    }

    double chi_square = 0;  // size - 1 degrees of freedom, draws without replacement
    for (const double hit : hits)
      chi_square += std::pow(hit - samples * share, 2) / (samples * share * (1 - share));
    EXPECT_NEAR(chi_square, static_cast<double>(size), 4 * std::sqrt(2.0 * static_cast<double>(size)))
        << count;
    const double n = static_cast<double>(size);
    const double k = static_cast<double>(count);
    const double expected_pairs = samples * (n - 1) * k * (k - 1) / (n * (n - 1));
    EXPECT_NEAR(pairs, expected_pairs, 5 * std::sqrt(expected_pairs)) << count;
  }
}

}  // namespace
}  // namespace plexus
