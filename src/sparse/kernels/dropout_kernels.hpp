// Dropout masks. Part of kernels_impl.hpp.
#pragma once

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "src/sparse/kernels/lanes.hpp"

namespace plexus::PLEXUS_KERNEL_SET {
namespace {

struct PhiloxBlock {
  Words word[4];
};

struct WideProduct {
  Words low;
  Words high;
};

/// Low and high halves of the products of 16 words with one factor.
PLEXUS_INLINE WideProduct wide_product(Words words, std::uint32_t factor) {
  typedef std::uint64_t Pairs __attribute__((vector_size(64)));
  const Pairs pairs = reinterpret_cast<Pairs>(words);
#if defined(__AVX512F__)
  const __m512i factors = _mm512_set1_epi32(static_cast<int>(factor));
  const Pairs even =
      reinterpret_cast<Pairs>(_mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(words), factors));
  const Pairs odd =
      reinterpret_cast<Pairs>(_mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(pairs >> 32), factors));
#else
  const Pairs even = (pairs & 0xFFFFFFFFU) * factor;
  const Pairs odd = (pairs >> 32) * factor;
#endif
  const Pairs low_half = Pairs{} + 0xFFFFFFFFU;
  return {reinterpret_cast<Words>((even & low_half) | (odd << 32)),
          reinterpret_cast<Words>((even >> 32) | (odd & ~low_half))};
}

/// Philox4x32-10 for 16 counters side by side; one key (Salmon et al., SC'11).
PLEXUS_INLINE PhiloxBlock philox(PhiloxBlock c, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const WideProduct first = wide_product(c.word[0], 0xD2511F53U);
    const WideProduct second = wide_product(c.word[2], 0xCD9E8D57U);
    c = {{second.high ^ c.word[1] ^ key0, second.low, first.high ^ c.word[3] ^ key1, first.low}};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return c;
}

/// Bit i of the result says whether lane i is `threshold` or more.
PLEXUS_INLINE std::uint16_t lanes_from(Words words, std::uint32_t threshold) {
#ifdef __AVX512F__
  return _mm512_cmpge_epu32_mask(reinterpret_cast<__m512i>(words),
                                 _mm512_set1_epi32(static_cast<int>(threshold)));
#else
  const Words kept = words >= threshold;
  const Words bits =
      kept & Words{1U << 0, 1U << 1, 1U << 2,  1U << 3,  1U << 4,  1U << 5,  1U << 6,  1U << 7,
                   1U << 8, 1U << 9, 1U << 10, 1U << 11, 1U << 12, 1U << 13, 1U << 14, 1U << 15};
  std::uint32_t all = 0;
  for (int i = 0; i < line_samples; ++i) all |= bits[i];
  return static_cast<std::uint16_t>(all);
#endif
}

void dropout_mask(RowRange rows, const NeuronId* row_ids, const std::int64_t* samples, Index lines,
                  const std::uint32_t* key, std::uint32_t threshold, std::uint16_t* mask) {
  for (Index line = 0; line < lines; ++line) {
    Words sample_low;
    Words sample_high;
    for (int i = 0; i < line_samples; ++i) {
      const auto sample = static_cast<std::uint64_t>(samples[line * line_samples + i]);
      sample_low[i] = static_cast<std::uint32_t>(sample);
      sample_high[i] = static_cast<std::uint32_t>(sample >> 32);
    }
    std::uint64_t drawn = ~std::uint64_t{0};
    PhiloxBlock block = {};
    for (Index row = rows.begin; row < rows.end; ++row) {
      const auto id = static_cast<std::uint64_t>(row_ids[row]);
      if (id / 4 != drawn) {
        drawn = id / 4;
        const Words neuron_low = Words{} + static_cast<std::uint32_t>(drawn);
        const Words neuron_high = Words{} + static_cast<std::uint32_t>(drawn >> 32);
        block = philox({{sample_low, sample_high, neuron_low, neuron_high}}, key[0], key[1]);
      }
      mask[static_cast<Offset>(row) * lines + line] = lanes_from(block.word[id % 4], threshold);
    }
  }
}

void apply_mask(RowRange rows, const std::uint16_t* mask, Real scale, SlabView values) {
  const HalfBits lane_bits = {1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7};
  for (Offset i = static_cast<Offset>(rows.begin) * values.lines;
       i < static_cast<Offset>(rows.end) * values.lines; ++i) {
    for (int half = 0; half < 2; ++half) {
      Half& place = *reinterpret_cast<Half*>(values.values + i * line_samples + 8 * half);
      const HalfBits kept = ((HalfBits{} + (mask[i] >> (8 * half))) & lane_bits) != 0;
      place = kept ? place * scale : Half{};
    }
  }
}

}  // namespace
}  // namespace plexus::PLEXUS_KERNEL_SET
