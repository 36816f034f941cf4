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

/// A sample of fewer numbers is made by every part as a whole: that takes less time than waiting for the
/// others.
constexpr Offset not_shared = 1024;

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

 private:
  /// The product's upper half: its bias is below 2^-64 size.
  [[nodiscard]] Offset number(std::uint64_t bits) const {
    return static_cast<Offset>(Wide{bits} * size_ >> 64);
  }

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

template <class Source>
std::vector<Offset> many_distinct(const Source& source, Offset begin, Offset end, Offset size) {
  const Offset draws = end - begin;
  int bits = 0;  // numbers that are equal without so many lower bits share a bucket
  while ((size - 1) >> bits >= 2 * draws / bucket_draws) ++bits;
  const auto buckets = static_cast<std::size_t>((size - 1) >> bits) + 1;
  const int parts = parts_for(draws, least_part);

  Scratch<Offset> drawn(static_cast<std::size_t>(draws));
  std::vector<std::vector<Offset>> places(static_cast<std::size_t>(parts));  // by part and bucket
  for_each_part(parts, [&](int part) {
    std::vector<Offset>& counts = places[part];
    counts.assign(buckets, 0);
    Offset* next = drawn.data() + part_begin(draws, part, parts);
    source.for_each(begin + part_begin(draws, part, parts), begin + part_begin(draws, part + 1, parts),
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

/// The numbers from `begin` to `end` of a source, ascending, each once. They are below `size`, and spread
/// evenly.
template <class Source>
std::vector<Offset> distinct(const Source& source, Offset begin, Offset end, Offset size) {
  if (end - begin >= few) return many_distinct(source, begin, end, size);
  std::vector<Offset> numbers;
  source.for_each(begin, end, [&](Offset number) { numbers.push_back(number); });
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

/// Numbers that are there already.
struct Numbers {
  const std::vector<Offset>& numbers;

  template <class F>
  void for_each(Offset begin, Offset end, F&& f) const {
    std::for_each(numbers.begin() + begin, numbers.begin() + end, f);
  }
};

/// Consecutive ranges of the numbers below `size()`, one for each part.
struct Ranges {
  LayerParts& parts;
  std::vector<Offset> begins;  // as `part_begins` returns it

  Ranges(LayerParts& all, Offset own_size) : parts(all), begins(part_begins(all, own_size)) {}

  [[nodiscard]] Offset size() const { return begins.back(); }
  [[nodiscard]] Offset own_begin() const { return begins[static_cast<std::size_t>(parts.own())]; }
  [[nodiscard]] Offset own_end() const { return begins[static_cast<std::size_t>(parts.own()) + 1]; }
  [[nodiscard]] Offset own_size() const { return own_end() - own_begin(); }
};

/// The distinct numbers of draws `begin` to `end` that fall into the own range, counted from its beginning.
/// Each part draws its share and sends the numbers to the parts that have them in their ranges.
std::vector<Offset> own_distinct(const Draws& draws, const Ranges& ranges, Offset begin, Offset end) {
  const int parts = ranges.parts.count();
  if (parts == 1) return distinct(draws, begin, end, ranges.size());
  std::vector<std::vector<Offset>> to_parts(static_cast<std::size_t>(parts));
  const auto share = [&](int part) { return begin + part_begin(end - begin, part, parts); };
  draws.for_each(share(ranges.parts.own()), share(ranges.parts.own() + 1), [&](Offset number) {
    const std::size_t part = part_of(number, ranges.begins);
    to_parts[part].push_back(number - ranges.begins[part]);
  });
  std::vector<Offset> numbers;
  for (const auto& of_part : ranges.parts.exchange(std::move(to_parts))) {
    numbers.insert(numbers.end(), of_part.begin(), of_part.end());
  }
  return distinct(Numbers{numbers}, 0, static_cast<Offset>(numbers.size()), ranges.own_size());
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

std::vector<Offset> sample(const RandomStream& stream, std::uint64_t level, const Ranges& ranges,
                           Offset count);

/// The same where every part makes the whole sample.
std::vector<Offset> sample_alone(const RandomStream& stream, std::uint64_t level, const Ranges& ranges,
                                 Offset count) {
  const std::vector<Offset> all = sample(stream, level, Ranges(one_part(), ranges.size()), count);
  const auto begin = std::lower_bound(all.begin(), all.end(), ranges.own_begin());
  std::vector<Offset> own(begin, std::lower_bound(begin, all.end(), ranges.own_end()));
  for (Offset& number : own) number -= ranges.own_begin();
  return own;
}

/// The sampled numbers of the own range, counted from its beginning.
std::vector<Offset> sample(const RandomStream& stream, std::uint64_t level, const Ranges& ranges,
                           Offset count) {
  const Offset size = ranges.size();
  if (count == 0) return {};
  if (count > size / 2) return all_but(sample(stream, level, ranges, size - count), ranges.own_size());
  if (count < not_shared && ranges.parts.count() > 1) return sample_alone(stream, level, ranges, count);
  const Draws draws(stream, level, size);
  Offset drawn = draws_for(size, count);
  std::vector<Offset> numbers = own_distinct(draws, ranges, 0, drawn);
  Ranges found(ranges.parts, static_cast<Offset>(numbers.size()));
  while (found.size() < count) {
    const Offset missing = count - found.size();
    const std::vector<Offset> more = own_distinct(draws, ranges, drawn, drawn + missing);
    std::vector<Offset> all;
    std::set_union(numbers.begin(), numbers.end(), more.begin(), more.end(), std::back_inserter(all));
    numbers = std::move(all);
    drawn += missing;
    found.begins = part_begins(ranges.parts, static_cast<Offset>(numbers.size()));
  }
  erase_at(numbers, sample(stream, level + 1, found, found.size() - count));
  return numbers;
}

}  // namespace

std::vector<Offset> keyed_sample(const RandomStream& stream, Offset size, Offset count) {
  return keyed_sample(stream, one_part(), size, count);
}

std::vector<Offset> keyed_sample(const RandomStream& stream, LayerParts& parts, Offset own_size,
                                 Offset count) {
  const Ranges ranges(parts, own_size);
  ensure(count >= 0 && count <= ranges.size() && ranges.size() <= (Offset{1} << 62),
         "sample of {} numbers of {}", count, ranges.size());
  return sample(stream, 0, ranges, count);
}

}  // namespace plexus
