#include "src/support/random_stream.hpp"

#include <cmath>
#include <numbers>

#include "src/support/hash.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace plexus {

namespace {

#if defined(__x86_64__)

/// Philox4x32-10 for many counters. Words stand in the lower halves of 64-bit lanes, where products have
/// room; upper halves hold remains of products, which no multiplication looks at. Two vectors of counters
/// take turns, so that neither waits for its multiplications.
/// @return how many counters were taken: those that fill all vectors
__attribute__((target("avx2"))) std::size_t pairs_avx2(std::array<std::uint32_t, 2> key,
                                                       const std::uint64_t* a, const std::uint64_t* b,
                                                       std::size_t count, std::uint64_t* out) {
  constexpr std::size_t lanes = 4;
  constexpr std::size_t vectors = RandomStream::side_by_side / lanes;
  __m256i keys[PHILOX4x32_DEFAULT_ROUNDS][2];
  for (auto& of_round : keys) {
    of_round[0] = _mm256_set1_epi64x(key[0]);
    of_round[1] = _mm256_set1_epi64x(key[1]);
    key[0] += PHILOX_W32_0;
    key[1] += PHILOX_W32_1;
  }
  const __m256i m0 = _mm256_set1_epi64x(PHILOX_M4x32_0);
  const __m256i m1 = _mm256_set1_epi64x(PHILOX_M4x32_1);
  std::size_t i = 0;
  for (; i + lanes * vectors <= count; i += lanes * vectors) {
    __m256i c[vectors][4];
    for (std::size_t v = 0; v < vectors; ++v) {
      c[v][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + i + lanes * v));
      c[v][2] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + i + lanes * v));
      c[v][1] = _mm256_srli_epi64(c[v][0], 32);
      c[v][3] = _mm256_srli_epi64(c[v][2], 32);
    }
    for (const auto& of_round : keys) {
      for (auto& w : c) {
        const __m256i p0 = _mm256_mul_epu32(w[0], m0);
        const __m256i p1 = _mm256_mul_epu32(w[2], m1);
        w[0] = _mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(w[1], of_round[0]));
        w[2] = _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(w[3], of_round[1]));
        w[1] = p1;
        w[3] = p0;
      }
    }
    for (std::size_t v = 0; v < vectors; ++v) {
      constexpr int odd_words = 0b10101010;
      const __m256i first = _mm256_blend_epi32(c[v][0], _mm256_slli_epi64(c[v][1], 32), odd_words);
      const __m256i second = _mm256_blend_epi32(c[v][2], _mm256_slli_epi64(c[v][3], 32), odd_words);
      const __m256i low = _mm256_unpacklo_epi64(first, second);
      const __m256i high = _mm256_unpackhi_epi64(first, second);
      auto* to = reinterpret_cast<__m256i*>(out + 2 * (i + lanes * v));
      _mm256_storeu_si256(to, _mm256_permute2x128_si256(low, high, 0x20));
      _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(low, high, 0x31));
    }
  }
  return i;
}

const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;

#endif

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t epoch, std::uint64_t layer) {
  const std::uint64_t key = mix64(seed, static_cast<std::uint64_t>(purpose), epoch, layer);
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

void RandomStream::pairs(const std::uint64_t* a, const std::uint64_t* b, std::size_t count,
                         std::uint64_t* out) const {
  std::size_t i = 0;
#if defined(__x86_64__)
  if (has_avx2) i = pairs_avx2(key_, a, b, count, out);
#endif
  for (; i < count; ++i) {
    const auto two = pair(a[i], b[i]);
    out[2 * i] = two[0];
    out[2 * i + 1] = two[1];
  }
}

double RandomStream::normal(std::uint64_t a, std::uint64_t b) const {
  const auto [first, second] = pair(a, b);
  const double in_zero_one = unit(first) + 0x1.0p-53;  // never 0
  const double angle = 2.0 * std::numbers::pi * unit(second);
  return std::sqrt(-2.0 * std::log(in_zero_one)) * std::cos(angle);
}

}  // namespace plexus
