// Sums over the samples of lines. Part of kernels_impl.hpp.
#pragma once

#include "src/sparse/kernels/lanes.hpp"

namespace plexus::PLEXUS_KERNEL_SET {
namespace {

// Sums over the 16 samples of a line, always added as the same balanced tree. The first addition is that of
// the two halves; the three others are made for eight vectors at once, each step joining two vectors that
// hold the sums of one or more lines into one vector that holds them all.
PLEXUS_INLINE Half fold(Lanes v) { return low(v) + high(v); }
PLEXUS_INLINE Half join_fours(Half a, Half b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 12, 13, 14, 15) +
         __builtin_shufflevector(a, b, 4, 5, 6, 7, 8, 9, 10, 11);
}
PLEXUS_INLINE Half join_pairs(Half a, Half b) {
  return __builtin_shufflevector(a, b, 0, 1, 10, 11, 4, 5, 14, 15) +
         __builtin_shufflevector(a, b, 2, 3, 8, 9, 6, 7, 12, 13);
}
PLEXUS_INLINE Half join_ones(Half a, Half b) {
  return __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14) +
         __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15);
}

/// Lane i of the result is the sum of leaf(i) over its lanes. Leaves are asked for in ascending order, and
/// each is joined as soon as it can be.
template <class Leaf>
PLEXUS_INLINE Half sums_of_eight(Leaf&& leaf) {
  const auto two = [&]<int i>() __attribute__((always_inline)) {
    const Half a = leaf.template operator()<i>();
    const Half b = leaf.template operator()<i + 1>();
    return join_fours(a, b);
  };
  const auto four = [&]<int i>() __attribute__((always_inline)) {
    const Half a = two.template operator()<i>();
    const Half b = two.template operator()<i + 2>();
    return join_pairs(a, b);
  };
  const Half a = four.template operator()<0>();
  const Half b = four.template operator()<4>();
  const Half sums = join_ones(a, b);  // of leaves 0, 2, 4, 6, 1, 3, 5, 7
  return __builtin_shufflevector(sums, sums, 0, 4, 1, 5, 2, 6, 3, 7);
}

/// Lane i of the result is the sum of the first half of leaf(i), lane 4 + i that of its second half.
template <class Leaf>
PLEXUS_INLINE Half half_sums_of_four(Leaf&& leaf) {
  const auto two = [&]<int i>() __attribute__((always_inline)) {
    const Half a = leaf.template operator()<i>();
    const Half b = leaf.template operator()<i + 1>();
    return join_pairs(a, b);
  };
  const Half a = two.template operator()<0>();
  const Half b = two.template operator()<2>();
  return join_ones(a, b);
}

/// Turns sums of shards into what a gradient output holds. Integers of magnitude below 2^51 come out of the
/// mantissa of value + 1.5 * 2^52, rounded to nearest even. Unsigned, so that what does not fit may wrap
/// around.
struct ExactSums {
  using Value = std::int64_t;
  static constexpr int unit_lines = shard_lines;  ///< lines that are added before rounding
  double scale;

  static PLEXUS_INLINE Value sum(Value a, Value b) {
    return static_cast<Value>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
  PLEXUS_INLINE Unsigned4 rounded(Quad sums) const {
    const Double4 magic = {0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52};
    return reinterpret_cast<Unsigned4>(__builtin_convertvector(sums, Double4) * scale + magic) -
           reinterpret_cast<Unsigned4>(magic);
  }
  /// Writes the first `count` of eight sums.
  template <int count>
  PLEXUS_INLINE void put(Half sums, Output output, Value* out) const {
    const Unsigned4 parts[2] = {rounded(__builtin_shufflevector(sums, sums, 0, 1, 2, 3)),
                                rounded(__builtin_shufflevector(sums, sums, 4, 5, 6, 7))};
    if (output == Output::set) {
      for (int i = 0; i < count; ++i) out[i] = static_cast<Value>(parts[i / 4][i % 4]);
    } else {
      for (int i = 0; i < count; ++i) out[i] = sum(out[i], static_cast<Value>(parts[i / 4][i % 4]));
    }
  }
  /// The same for four pairs of sums, lanes i and 4 + i.
  template <int count>
  PLEXUS_INLINE void put_pairs(Half sums, Output output, Value* out) const {
    const Unsigned4 total = rounded(__builtin_shufflevector(sums, sums, 0, 1, 2, 3)) +
                            rounded(__builtin_shufflevector(sums, sums, 4, 5, 6, 7));
    if (output == Output::set) {
      for (int i = 0; i < count; ++i) out[i] = static_cast<Value>(total[i]);
    } else {
      for (int i = 0; i < count; ++i) out[i] = sum(out[i], static_cast<Value>(total[i]));
    }
  }
};

struct FastSums {
  using Value = Real;
  static constexpr int unit_lines = slab_lines;

  static PLEXUS_INLINE Value sum(Value a, Value b) { return a + b; }
  template <int count>
  PLEXUS_INLINE void put(Half sums, Output output, Value* out) const {
    if (output == Output::set) {
      for (int i = 0; i < count; ++i) out[i] = sums[i];
    } else {
      for (int i = 0; i < count; ++i) out[i] += sums[i];
    }
  }
};

}  // namespace
}  // namespace plexus::PLEXUS_KERNEL_SET
