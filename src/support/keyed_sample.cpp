#include "src/support/keyed_sample.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <utility>

#include "src/support/aligned.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

__extension__ using Wide = unsigned __int128;

/// Fewer draws than this are sorted at once and drawn without surplus.
constexpr Offset few = 4096;

/// Draws that a bucket gets on average, at most: few enough to be sorted in the caches, many enough that the
/// buckets that are written to at the same time stay there too. Measured.
constexpr Offset bucket_draws = 4096;

/// Ascending positions, and the numbers below `size` that are none of them.
std::vector<Offset> all_but(const std::vector<Offset>& excluded, Offset size) {
  std::vector<Offset> rest;
  rest.reserve(static_cast<std::size_t>(size) - excluded.size());
  Offset next = 0;
  for (const Offset number : excluded) {
    for (; next < number; ++next) rest.push_back(next);
    next = number + 1;
  }
  for (; next < size; ++next) rest.push_back(next);
  return rest;
}

/// Takes the entries at the ascending `positions` out of `numbers`.
void erase_at(std::vector<Offset>& numbers, const std::vector<Offset>& positions) {
  if (positions.empty()) return;
  auto to = numbers.begin() + positions.front();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto end = i + 1 < positions.size() ? numbers.begin() + positions[i + 1] : numbers.end();
    to = std::move(numbers.begin() + positions[i] + 1, end, to);
  }
  numbers.erase(to, numbers.end());
}

/// Numbers below `size`, drawn one after the other with repetition.
class Draws {
 public:
  /// @param level  different for samples of which one is part of the making of the other
  Draws(const RandomStream& stream, std::uint64_t level, Offset size)
      : stream_(stream), level_(level), size_(static_cast<std::uint64_t>(size)) {}

  /// Calls f(number) for draws `begin` to `end`.
  template <class F>
  void for_each(Offset begin, Offset end, F&& f) const {
    constexpr Offset block = 64;
    std::array<std::uint64_t, block / 2> counters;
    std::array<std::uint64_t, block / 2> levels;
    std::array<std::uint64_t, block> bits;
    levels.fill(level_);
    for (Offset base = begin - begin % 2; base < end; base += block) {
      std::iota(counters.begin(), counters.end(), static_cast<std::uint64_t>(base) / 2);
      stream_.pairs(counters.data(), levels.data(), counters.size(), bits.data());
      const Offset last = std::min(end - base, block);
      for (Offset i = std::max(begin - base, Offset{0}); i < last; ++i) f(number(bits[i]));
    }
  }

  /// The numbers of draws `begin` to `end`, ascending, each once.
  [[nodiscard]] std::vector<Offset> distinct(Offset begin, Offset end) const {
    return end - begin < few ? few_distinct(begin, end) : many_distinct(begin, end);
  }

 private:
  /// The product's upper half: its bias is below 2^-64 size.
  [[nodiscard]] Offset number(std::uint64_t bits) const {
    return static_cast<Offset>(Wide{bits} * size_ >> 64);
  }

  [[nodiscard]] std::vector<Offset> few_distinct(Offset begin, Offset end) const {
    std::vector<Offset> numbers;
    for_each(begin, end, [&](Offset number) { numbers.push_back(number); });
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
  }

  [[nodiscard]] std::vector<Offset> many_distinct(Offset begin, Offset end) const;

  const RandomStream& stream_;
  std::uint64_t level_;
  std::uint64_t size_;
};

/// Sorts the numbers of one bucket, which are spread evenly over [first, first + 2^bits).
class BucketSorter {
 public:
  BucketSorter(int bits) : shift_(std::max(0, bits - slot_bits)) {}

  /// @return the end of the distinct numbers, in the place of the first ones
  Offset* distinct(Offset* begin, Offset* end, Offset first) {
    slots_.fill(0);
    sorted_.resize(static_cast<std::size_t>(end - begin));
    for (const Offset* i = begin; i != end; ++i) ++slots_[((*i - first) >> shift_) + 1];
    for (std::size_t i = 1; i < slots_.size(); ++i) slots_[i] += slots_[i - 1];
    for (const Offset* i = begin; i != end; ++i) sorted_[slots_[(*i - first) >> shift_]++] = *i;
    // A slot holds about one number, so few are out of place by now.
    for (std::size_t i = 1; i < sorted_.size(); ++i) {
      const Offset number = sorted_[i];
      std::size_t place = i;
      for (; place > 0 && sorted_[place - 1] > number; --place) sorted_[place] = sorted_[place - 1];
      sorted_[place] = number;
    }
    return std::unique_copy(sorted_.begin(), sorted_.end(), begin);
  }

 private:
  static constexpr int slot_bits = 12;

  int shift_;
  std::array<std::uint32_t, (1 << slot_bits) + 1> slots_;
  std::vector<Offset> sorted_;
};

std::vector<Offset> Draws::many_distinct(Offset begin, Offset end) const {
  const Offset draws = end - begin;
  int bits = 0;  // numbers that are equal without so many lower bits share a bucket
  while ((size_ - 1) >> bits >= static_cast<std::uint64_t>(2 * draws / bucket_draws)) ++bits;
  const auto buckets = static_cast<std::size_t>((size_ - 1) >> bits) + 1;
  const int parts = parts_for(draws, least_part);

  Scratch<Offset> drawn(static_cast<std::size_t>(draws));
  std::vector<std::vector<Offset>> places(static_cast<std::size_t>(parts));  // by part and bucket
  for_each_part(parts, [&](int part) {
    std::vector<Offset>& counts = places[part];
    counts.assign(buckets, 0);
    Offset* next = drawn.data() + part_begin(draws, part, parts);
    for_each(begin + part_begin(draws, part, parts), begin + part_begin(draws, part + 1, parts),
             [&](Offset number) {
               *next++ = number;
               ++counts[number >> bits];
             });
  });
  std::vector<Offset> bucket_begin;
  Offset place = 0;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    bucket_begin.push_back(place);
    for (auto& counts : places) place += std::exchange(counts[bucket], place);
  }
  bucket_begin.push_back(place);

  std::vector<Offset> numbers(static_cast<std::size_t>(draws));
  for_each_part(parts, [&](int part) {
    std::vector<Offset>& next = places[part];
    for (Offset i = part_begin(draws, part, parts); i < part_begin(draws, part + 1, parts); ++i) {
      numbers[next[drawn[i] >> bits]++] = drawn[i];
    }
  });
  std::vector<Offset> bucket_end(buckets);
  for_each_part(parts, [&](int part) {
    BucketSorter sorter(bits);
    const Offset last = part_begin(static_cast<Offset>(buckets), part + 1, parts);
    for (Offset b = part_begin(static_cast<Offset>(buckets), part, parts); b < last; ++b) {
      bucket_end[b] =
          sorter.distinct(numbers.data() + bucket_begin[b], numbers.data() + bucket_begin[b + 1], b << bits) -
          numbers.data();
    }
  });
  auto to = numbers.begin() + bucket_end[0];
  for (std::size_t b = 1; b < buckets; ++b) {
    to = std::move(numbers.begin() + bucket_begin[b], numbers.begin() + bucket_end[b], to);
  }
  numbers.erase(to, numbers.end());
  return numbers;
}

/// Draws of which almost surely `count` are distinct, and few more: the draws that are expected to give
/// `count` distinct numbers, which is -size log(1 - count / size), and six standard deviations.
Offset draws_for(Offset size, Offset count) {
  if (count < few) return count;
  const double share = static_cast<double>(count) / static_cast<double>(size);
  double series = 0;
  for (int k = 40; k > 1; --k) series = share * (1.0 / k + series);
  const double twice = static_cast<double>(count) * series;
  return count + static_cast<Offset>(twice + 6 * std::sqrt(twice)) + 1;
}

std::vector<Offset> sample(const RandomStream& stream, std::uint64_t level, Offset size, Offset count) {
  if (count == 0) return {};
  if (count > size / 2) return all_but(sample(stream, level, size, size - count), size);
  const Draws draws(stream, level, size);
  Offset drawn = draws_for(size, count);
  std::vector<Offset> numbers = draws.distinct(0, drawn);
  for (auto found = static_cast<Offset>(numbers.size()); found < count;
       found = static_cast<Offset>(numbers.size())) {
    const std::vector<Offset> more = draws.distinct(drawn, drawn + count - found);
    std::vector<Offset> all;
    std::set_union(numbers.begin(), numbers.end(), more.begin(), more.end(), std::back_inserter(all));
    numbers = std::move(all);
    drawn += count - found;
  }
  const auto found = static_cast<Offset>(numbers.size());
  erase_at(numbers, sample(stream, level + 1, found, found - count));
  return numbers;
}

}  // namespace

std::vector<Offset> keyed_sample(const RandomStream& stream, Offset size, Offset count) {
  ensure(count >= 0 && count <= size && size <= (Offset{1} << 62), "sample of {} numbers of {}", count, size);
  return sample(stream, 0, size, count);
}

}  // namespace plexus
