#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "src/support/hash.hpp"
#include "src/support/keyed_permutation.hpp"
#include "src/support/random_stream.hpp"

namespace plexus {
namespace {

TEST(RandomStream, DiffersInEveryPartOfTheKey) {
  const auto first = RandomStream(1, Purpose::weight, 2, 3).bits(4, 5);

  EXPECT_EQ(RandomStream(1, Purpose::weight, 2, 3).bits(4, 5), first);
  EXPECT_NE(RandomStream(2, Purpose::weight, 2, 3).bits(4, 5), first);
  EXPECT_NE(RandomStream(1, Purpose::growth, 2, 3).bits(4, 5), first);
  EXPECT_NE(RandomStream(1, Purpose::weight, 3, 3).bits(4, 5), first);
  EXPECT_NE(RandomStream(1, Purpose::weight, 2, 4).bits(4, 5), first);
  EXPECT_NE(RandomStream(1, Purpose::weight, 2, 3).bits(5, 5), first);
  EXPECT_NE(RandomStream(1, Purpose::weight, 2, 3).bits(4, 6), first);
}

TEST(RandomStream, MomentsOfUniformAndNormal) {
  const RandomStream stream(7, Purpose::weight);
  const int n = 200000;
  double uniform_sum = 0, normal_sum = 0, normal_squares = 0;

  for (int i = 0; i < n; ++i) {
    const double u = stream.uniform(static_cast<std::uint64_t>(i));
    const double z = stream.normal(static_cast<std::uint64_t>(i), 1);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    uniform_sum += u;
    normal_sum += z;
    normal_squares += z * z;
  }

  EXPECT_NEAR(uniform_sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(normal_sum / n, 0.0, 5 / std::sqrt(n));
  EXPECT_NEAR(normal_squares / n, 1.0, 5 * std::sqrt(2.0 / n));
}

TEST(RandomStream, PairsAreThoseOfTheirCounters) {
  const RandomStream stream(7, Purpose::growth, 1, 2);
  for (const std::size_t count : {0, 1, 7, 8, 9, 16, 31}) {
    std::vector<std::uint64_t> a;
    std::vector<std::uint64_t> b;
    for (std::uint64_t i = 0; i < count; ++i) {
      a.push_back(mix64(i, 1));
      b.push_back(mix64(i, 2) >> (i % 40));
    }

    std::vector<std::uint64_t> numbers(2 * count);
    stream.pairs(a.data(), b.data(), count, numbers.data());

    for (std::size_t i = 0; i < count; ++i) {
      const auto words = stream.words(a[i], b[i]);
      EXPECT_EQ(numbers[2 * i], words[0] | std::uint64_t{words[1]} << 32);
      EXPECT_EQ(numbers[2 * i + 1], words[2] | std::uint64_t{words[3]} << 32);
      EXPECT_EQ(numbers[2 * i], stream.bits(a[i], b[i]));
    }
  }
}

TEST(KeyedPermutation, HitsEveryElementOnce) {
  for (std::uint64_t size : {1ULL, 2ULL, 3ULL, 10ULL, 64ULL, 1000ULL, 4097ULL}) {
    const KeyedPermutation permutation(RandomStream(3, Purpose::sample_order), size);
    std::vector<int> hits(size, 0);

    for (std::uint64_t i = 0; i < size; ++i) ++hits.at(permutation(i));

    EXPECT_EQ(hits, std::vector<int>(size, 1)) << size << " elements";
  }
}

}  // namespace
}  // namespace plexus
