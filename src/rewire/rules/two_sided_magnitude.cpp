#include "src/rewire/rules/two_sided_magnitude.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/rewire/positions.hpp"
#include "src/support/error.hpp"
#include "src/support/multiversion.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Numbers are compared by their bits: those of magnitudes, without the sign, are in the order of the
/// magnitudes.
using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
using SignedBits = std::make_signed_t<Bits>;
constexpr unsigned total_bits = 8 * sizeof(Real);

constexpr Bits bits_of_value(Real w) { return std::bit_cast<Bits>(w); }
constexpr Bits sign_bit = Bits{1} << (total_bits - 1);
constexpr Bits magnitude(Bits bits) { return bits & ~sign_bit; }

constexpr std::size_t positive = 0;
constexpr std::size_t negative = 1;
constexpr std::size_t sign_of(Bits bits) { return static_cast<std::size_t>(bits >> (total_bits - 1)); }

/// Values are counted by their upper bits: sign, exponent and, of a float, 5 bits of the mantissa. Measured:
/// few buckets stay in the caches, and where there are many, few values share the bucket of a cut.
constexpr unsigned bucket_bits = 14;
constexpr std::size_t buckets_per_sign = std::size_t{1} << (bucket_bits - 1);
constexpr std::size_t bucket_of(Bits bits) {
  return static_cast<std::size_t>(bits >> (total_bits - bucket_bits));
}

struct Range {
  Bits least;
  Bits greatest;
};

PLEXUS_MULTIVERSION Range range_of(const Real* values, Offset count) {
  SignedBits least = std::numeric_limits<SignedBits>::max();  // signed comparisons are what SSE2 has
  SignedBits greatest = 0;
  for (Offset i = 0; i < count; ++i) {
    const auto m = static_cast<SignedBits>(magnitude(bits_of_value(values[i])));
    least = std::min(least, m);
    greatest = std::max(greatest, m);
  }
  return {static_cast<Bits>(least), static_cast<Bits>(greatest)};
}

/// The magnitudes of the values of all parts. Where there are no values, the least is above the greatest.
Range magnitudes_of(std::span<const Real> values, LayerParts& all) {
  const auto n = static_cast<Offset>(values.size());
  const int parts = parts_for(n, least_part);
  std::vector<Range> ranges(static_cast<std::size_t>(parts));
  for_each_part(parts, [&](int part) {
    const Offset begin = part_begin(n, part, parts);
    ranges[part] = range_of(values.data() + begin, part_begin(n, part + 1, parts) - begin);
  });
  for (const Range& range : ranges) {
    ranges[0] = {std::min(ranges[0].least, range.least), std::max(ranges[0].greatest, range.greatest)};
  }
  // Bits without the sign fit, and the least is the greatest of the negated ones.
  std::array<std::int64_t, 2> bounds = {-static_cast<std::int64_t>(ranges[0].least),
                                        static_cast<std::int64_t>(ranges[0].greatest)};
  all.maximum(bounds);
  return {static_cast<Bits>(-bounds[0]), static_cast<Bits>(bounds[1])};
}

/// How many of `values` have these bits.
PLEXUS_MULTIVERSION std::uint32_t equal_to(const Real* values, Offset count, Bits bits) {
  std::uint32_t equal = 0;
  for (Offset i = 0; i < count; ++i) equal += bits_of_value(values[i]) == bits ? 1U : 0U;
  return equal;
}

constexpr std::size_t all_buckets = 2 * buckets_per_sign;

/// How many values there are in each bucket, and behind that how many of each sign have a given magnitude.
using Counts = std::vector<Offset>;

constexpr Offset ties(const Counts& counts, std::size_t sign) { return counts[all_buckets + sign]; }

/// The counts of this part.
Counts own_counts(std::span<const Real> values, Bits tie) {
  const auto n = static_cast<Offset>(values.size());
  const int parts = parts_for(n, all_buckets);  // a thread's counters are cleared and added up
  // A slice of a layer has fewer than 2^32 connections, and small counters stay in the caches.
  std::vector<std::vector<std::uint32_t>> counts(static_cast<std::size_t>(parts));
  for_each_part(parts, [&](int part) {
    // Not in the shared vector: parts would wait for each other's cache lines.
    std::vector<std::uint32_t> own(all_buckets + 2, 0);
    const Offset begin = part_begin(n, part, parts);
    const auto of_part = values.subspan(static_cast<std::size_t>(begin),
                                        static_cast<std::size_t>(part_begin(n, part + 1, parts) - begin));
    for (const Real value : of_part) ++own[bucket_of(bits_of_value(value))];
    const auto size = static_cast<Offset>(of_part.size());
    own[all_buckets + positive] = equal_to(of_part.data(), size, tie);
    own[all_buckets + negative] = equal_to(of_part.data(), size, tie | sign_bit);
    counts[part] = std::move(own);
  });
  Counts sums(all_buckets + 2, 0);
  for (const auto& of_part : counts) {
    std::transform(of_part.begin(), of_part.end(), sums.begin(), sums.begin(), std::plus<>());
  }
  return sums;
}

constexpr std::size_t no_bucket = all_buckets;

struct Place {
  std::size_t bucket = no_bucket;
  Offset rank_in_bucket = 0;
};

/// Where the magnitude stands that has `rank` lower ones of its sign.
Place place_of(Offset rank, std::size_t sign, const Counts& counts) {
  Place place{sign * buckets_per_sign, rank};
  while (place.rank_in_bucket >= counts[place.bucket]) {
    place.rank_in_bucket -= counts[place.bucket];
    ++place.bucket;
  }
  return place;
}

/// Sets marks[i] to whether values[i] is in one of two buckets.
PLEXUS_MULTIVERSION void mark_members(const std::array<std::size_t, 2>& buckets, const Real* values,
                                      Offset count, std::uint8_t* marks) {
  const auto first = static_cast<Bits>(buckets[positive]);
  const auto second = static_cast<Bits>(buckets[negative]);
  for (Offset i = 0; i < count; ++i) {
    const Bits bucket = bits_of_value(values[i]) >> (total_bits - bucket_bits);
    marks[i] = (bucket == first ? 1 : 0) | (bucket == second ? 1 : 0);
  }
}

/// The magnitudes of this part in each of two buckets, the first of positive and the second of negative
/// values.
std::array<std::vector<Bits>, 2> members(std::span<const Real> values,
                                         const std::array<std::size_t, 2>& buckets) {
  const std::vector<Offset> positions = marked_positions(
      static_cast<Offset>(values.size()), [&](Offset begin, Offset end, std::uint8_t* marks) {
        mark_members(buckets, values.data() + begin, end - begin, marks);
      });
  std::array<std::vector<Bits>, 2> found;
  for (const Offset position : positions) {
    const Bits bits = bits_of_value(values[static_cast<std::size_t>(position)]);
    found[sign_of(bits)].push_back(magnitude(bits));
  }
  return found;
}

/// The magnitude at each of two places. Buckets are counted by some more bits at a time, so that no part
/// needs to see what others have in them.
/// @param members  of this part
std::array<Bits, 2> magnitudes_at(std::array<Place, 2> places, std::array<std::vector<Bits>, 2> members,
                                  LayerParts& parts) {
  constexpr unsigned digit_bits = 9;
  constexpr std::size_t digits = std::size_t{1} << digit_bits;
  std::array<Bits, 2> found;
  for (const std::size_t sign : {positive, negative}) {
    found[sign] = static_cast<Bits>(places[sign].bucket % buckets_per_sign);
  }
  for (unsigned left = total_bits - bucket_bits; left > 0;) {
    const unsigned bits = std::min(left, digit_bits);
    left -= bits;
    std::array<std::int64_t, 2 * digits> counts{};
    for (const std::size_t sign : {positive, negative}) {
      for (const Bits m : members[sign]) ++counts[sign * digits + (m >> left) % (1U << bits)];
    }
    parts.sum(counts);
    for (const std::size_t sign : {positive, negative}) {
      if (places[sign].bucket == no_bucket) continue;
      Offset& rank = places[sign].rank_in_bucket;
      std::size_t digit = 0;
      for (; rank >= counts[sign * digits + digit]; ++digit) rank -= counts[sign * digits + digit];
      found[sign] = found[sign] << bits | static_cast<Bits>(digit);
      std::erase_if(members[sign], [&](Bits m) { return m >> left != found[sign]; });
    }
  }
  return found;
}

/// Sets marks[i] to whether the magnitude of values[i] is at most the cut of its sign.
PLEXUS_MULTIVERSION void mark_up_to(const std::array<SignedBits, 2>& cuts, const Real* values, Offset count,
                                    std::uint8_t* marks) {
  const SignedBits cut = cuts[positive];
  const SignedBits difference = cuts[positive] ^ cuts[negative];
  for (Offset i = 0; i < count; ++i) {
    const Bits bits = bits_of_value(values[i]);
    const SignedBits all_ones_if_negative = static_cast<SignedBits>(bits) >> (total_bits - 1);
    marks[i] =
        static_cast<SignedBits>(magnitude(bits)) <= (cut ^ (difference & all_ones_if_negative)) ? 1 : 0;
  }
}

}  // namespace

std::vector<Offset> TwoSidedMagnitude::select(const DropInput& in) const {
  const auto [nearest, farthest] = magnitudes_of(in.values, in.parts);
  if (nearest > farthest) return {};
  ensure(farthest <= bits_of_value(std::numeric_limits<Real>::infinity()),
         "a layer has weights that are not numbers (the training diverged). Lower optimizer.learning_rate");

  // Every value lies at or beyond -nearest or nearest, so three parts in order make up the sorted array:
  // q values below -nearest, those at +-nearest, and from r on those above nearest.
  Counts counts = own_counts(in.values, nearest);
  in.parts.sum(counts);
  const auto negative_buckets = counts.begin() + buckets_per_sign;
  const auto positives = std::accumulate(counts.begin(), negative_buckets, Offset{0});
  const auto negatives = std::accumulate(negative_buckets, negative_buckets + buckets_per_sign, Offset{0});
  const Offset n = positives + negatives;
  const Offset q = negatives - ties(counts, negative);
  const Offset r = negatives + ties(counts, positive);
  const auto neg_index = static_cast<Offset>((1.0 - in.drop_fraction) * static_cast<double>(q));
  const auto pos_index = static_cast<Offset>(std::min(
      static_cast<double>(n - 1), static_cast<double>(r) + in.drop_fraction * static_cast<double>(n - r)));

  // The magnitudes up to which the values of each sign go: `nearest` where the cut is in the middle part,
  // which is kept whole beyond it, whichever of +-nearest stands there.
  std::array<SignedBits, 2> cuts;
  cuts.fill(static_cast<SignedBits>(nearest));
  std::array<Place, 2> places;
  if (pos_index >= r) places[positive] = place_of(ties(counts, positive) + pos_index - r, positive, counts);
  if (neg_index < q)
    places[negative] = place_of(ties(counts, negative) + q - 1 - neg_index, negative, counts);
  const auto found =
      magnitudes_at(places, members(in.values, {places[positive].bucket, places[negative].bucket}), in.parts);
  for (const std::size_t sign : {positive, negative}) {
    if (places[sign].bucket != no_bucket) cuts[sign] = static_cast<SignedBits>(found[sign]);
  }
  return marked_positions(static_cast<Offset>(in.values.size()),
                          [&](Offset begin, Offset end, std::uint8_t* marks) {
                            mark_up_to(cuts, in.values.data() + begin, end - begin, marks);
                          });
}

}  // namespace plexus
