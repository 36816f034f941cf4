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

#if PLEXUS_KERNEL_WIDE
PLEXUS_INLINE Lanes fold_both(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31) +
         __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
}
PLEXUS_INLINE Lanes join_fours(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 20, 21, 22, 23, 8, 9, 10, 11, 28, 29, 30, 31) +
         __builtin_shufflevector(a, b, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 24, 25, 26, 27);
}
PLEXUS_INLINE Lanes join_pairs(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13, 30, 31) +
         __builtin_shufflevector(a, b, 2, 3, 16, 17, 6, 7, 20, 21, 10, 11, 24, 25, 14, 15, 28, 29);
}
PLEXUS_INLINE Lanes join_ones(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31);
}

/// Lane i of the result is the sum of the first half of leaf(i), lane 8 + i that of its second half.
template <class Leaf>
PLEXUS_INLINE Lanes half_sums_of_eight(Leaf&& leaf) {
  const Lanes a = leaf.template operator()<0>();
  const Lanes b = leaf.template operator()<1>();
  const Lanes c = leaf.template operator()<2>();
  const Lanes d = leaf.template operator()<3>();
  const Lanes a2 = join_fours(a, leaf.template operator()<4>());
  const Lanes ab = join_pairs(a2, join_fours(b, leaf.template operator()<5>()));
  const Lanes c2 = join_fours(c, leaf.template operator()<6>());
  const Lanes cd = join_pairs(c2, join_fours(d, leaf.template operator()<7>()));
  return join_ones(ab, cd);
}

/// Lanes first, 8 + first, first + 1, 8 + first + 1, ...
template <int first>
PLEXUS_INLINE Half interleaved(Lanes v) {
  return __builtin_shufflevector(v, v, first, first + 8, first + 1, first + 9, first + 2, first + 10,
                                 first + 3, first + 11);
}
#endif

/// Turns sums of shards into what a gradient output holds. Integers of magnitude below 2^51 come out of the
/// mantissa of value + 1.5 * 2^52, rounded to nearest even. Unsigned, so that what does not fit may wrap
/// around.
struct ExactSums {
  using Value = std::int64_t;
  static constexpr int unit_lines = shard_lines;  ///< as many lines' samples are added before rounding
  static constexpr double magic = 0x1.8p52;
  static constexpr std::uint64_t magic_mantissa = 0x4338000000000000;
  double scale;

  static PLEXUS_INLINE Value sum(Value a, Value b) {
    return static_cast<Value>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
  /// The mantissas of value + 1.5 * 2^52.
  PLEXUS_INLINE Unsigned4 mantissas(Quad sums) const {
    return reinterpret_cast<Unsigned4>(__builtin_convertvector(sums, Double4) * scale + magic);
  }
  /// Writes the first `count` of integers, up to as many as `Integers` holds.
  template <int count, class Integers>
  static PLEXUS_INLINE void write(Integers values, Output output, Value* out) {
    typedef Integers Anywhere __attribute__((aligned(sizeof(Value)), may_alias));
    if constexpr (count * sizeof(Value) == sizeof(Integers)) {
      auto& place = *reinterpret_cast<Anywhere*>(out);
      place = output == Output::set ? values : place + values;
    } else {
      for (int i = 0; i < count; ++i) {
        const auto value = static_cast<Value>(values[i]);
        out[i] = output == Output::set ? value : sum(out[i], value);
      }
    }
  }
  /// Writes the first `count` of eight sums.
  template <int count>
  PLEXUS_INLINE void put(Half sums, Output output, Value* out) const {
#if PLEXUS_KERNEL_WIDE
    write<count>(mantissas(sums) - magic_mantissa, output, out);
#else
    constexpr int first = count < 4 ? count : 4;
    write<first>(mantissas(__builtin_shufflevector(sums, sums, 0, 1, 2, 3)) - magic_mantissa, output, out);
    if constexpr (count > 4) {
      write<count - 4>(mantissas(__builtin_shufflevector(sums, sums, 4, 5, 6, 7)) - magic_mantissa, output,
                       out + 4);
    }
#endif
  }
  /// The same for four pairs of sums, lanes i and 4 + i.
  template <int count>
  PLEXUS_INLINE void put_pairs(Half sums, Output output, Value* out) const {
    write<count>(mantissas(__builtin_shufflevector(sums, sums, 0, 1, 2, 3)) +
                     mantissas(__builtin_shufflevector(sums, sums, 4, 5, 6, 7)) - 2 * magic_mantissa,
                 output, out);
  }
#if PLEXUS_KERNEL_WIDE
  PLEXUS_INLINE Unsigned8 mantissas(Half sums) const {
    return reinterpret_cast<Unsigned8>(doubles(sums) * scale + magic);
  }
  /// The same for eight pairs of sums, lanes i and 8 + i.
  PLEXUS_INLINE void put_pairs(Lanes sums, Output output, Value* out) const {
    write<8>(mantissas(low(sums)) + mantissas(high(sums)) - 2 * magic_mantissa, output, out);
  }
#endif
};

struct FastSums {
  using Value = Real;
  static constexpr int unit_lines = slab_lines;

  static PLEXUS_INLINE Value sum(Value a, Value b) { return a + b; }
  template <int count>
  PLEXUS_INLINE void put(Half sums, Output output, Value* out) const {
    if constexpr (count == 8) {
      AnyHalf& place = *reinterpret_cast<AnyHalf*>(out);
      place = output == Output::set ? sums : place + sums;
    } else if (output == Output::set) {
      for (int i = 0; i < count; ++i) out[i] = sums[i];
    } else {
      for (int i = 0; i < count; ++i) out[i] += sums[i];
    }
  }
};

}  // namespace
}  // namespace plexus::PLEXUS_KERNEL_SET
