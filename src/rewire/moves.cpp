#include "src/rewire/moves.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "src/support/multiversion.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace plexus {

namespace {

constexpr Offset word_bits = 64;
/// Positions of a block, before which marked ones are counted.
constexpr Offset block_words = 4;

/// The word that a position is in, and the place in it: unsigned, which saves instructions.
constexpr std::uint64_t word_of(std::uint64_t position) { return position / word_bits; }
constexpr std::uint64_t bit_of(std::uint64_t position) { return position % word_bits; }

Offset words_for(Offset count) { return (count + word_bits - 1) / word_bits; }

constexpr bool is_marked(const std::uint64_t* words, Offset position) {
  const auto p = static_cast<std::uint64_t>(position);
  return (words[word_of(p)] >> bit_of(p) & 1) != 0;
}

PLEXUS_MULTIVERSION Offset count_bits(const std::uint64_t* words, Offset count) {
  Offset bits = 0;
  for (Offset i = 0; i < count; ++i) bits += std::popcount(words[i]);
  return bits;
}

PLEXUS_MULTIVERSION void count_unmarked(const std::uint64_t* words, const Offset* marked_before_block,
                                        const Offset* positions, Offset count, Offset* to) {
  for (Offset i = 0; i < count; ++i) {
    const auto position = static_cast<std::uint64_t>(positions[i]);
    const std::uint64_t word = word_of(position);
    const std::uint64_t block = word / block_words;
    Offset marked = marked_before_block[block];
    for (std::uint64_t w = block * block_words; w < word; ++w) marked += std::popcount(words[w]);
    const std::uint64_t below = (std::uint64_t{1} << bit_of(position)) - 1;
    if (below != 0) marked += std::popcount(words[word] & below);
    to[i] = positions[i] - marked;
  }
}

/// Entries [begin, end), of which the unmarked ones go from one array to another without gaps, or come back.
/// `begin` is a multiple of 64. The kept ones are [kept, kept_end).
struct Stretch {
  const std::uint64_t* marks;
  Offset begin;
  Offset end;
  Offset kept;
  Offset kept_end;
};

template <class T>
void keep_stretch(Stretch s, const T* from, T* to) {
  for (Offset i = s.begin; i < s.end && s.kept < s.kept_end; ++i) {
    to[s.kept] = from[i];
    s.kept += is_marked(s.marks, i) ? 0 : 1;
  }
}

template <class T>
void spread_stretch(Stretch s, const T* from, T* to) {
  for (Offset i = s.begin; i < s.end; ++i) {
    to[i] = from[s.kept];
    s.kept += is_marked(s.marks, i) ? 0 : 1;
  }
}

#if defined(__x86_64__)

/// For each pattern of marks among eight entries, where in them the unmarked ones are, and how many marks
/// precede each.
struct EightEntries {
  std::array<std::uint64_t, 256> unmarked{};
  std::array<std::uint64_t, 256> spread{};

  constexpr EightEntries() {
    for (unsigned marks = 0; marks < 256; ++marks) {
      unsigned kept = 0;
      for (unsigned i = 0; i < 8; ++i) {
        spread[marks] |= std::uint64_t{kept} << (8 * i);
        if ((marks >> i & 1) == 0) unmarked[marks] |= std::uint64_t{i} << (8 * kept++);
      }
    }
  }
};
constexpr EightEntries eight_entries;

__attribute__((target("avx2"))) inline __m256i lanes_of(std::uint64_t bytes) {
  return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bytes)));
}

/// As `keep_stretch`, for entries of four bytes.
/// @return what is left to do
__attribute__((target("avx2,popcnt"))) Stretch keep_avx2(Stretch s, const char* from, char* to) {
  for (; s.begin + word_bits <= s.end && s.kept + word_bits <= s.kept_end; s.begin += word_bits) {
    std::uint64_t marks = s.marks[s.begin / word_bits];
    for (Offset i = 0; i < word_bits; i += 8, marks >>= 8) {
      const auto eight = static_cast<std::uint8_t>(marks);
      const __m256i entries = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 4 * (s.begin + i)));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 4 * s.kept),
                          _mm256_permutevar8x32_epi32(entries, lanes_of(eight_entries.unmarked[eight])));
      s.kept += 8 - std::popcount(eight);
    }
  }
  return s;
}

/// As `spread_stretch`, for entries of four bytes.
/// @return what is left to do
__attribute__((target("avx2,popcnt"))) Stretch spread_avx2(Stretch s, const char* from, char* to) {
  for (; s.begin + word_bits <= s.end; s.begin += word_bits) {
    std::uint64_t marks = s.marks[s.begin / word_bits];
    for (Offset i = 0; i < word_bits; i += 8, marks >>= 8) {
      const auto eight = static_cast<std::uint8_t>(marks);
      const __m256i entries = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 4 * s.kept));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 4 * (s.begin + i)),
                          _mm256_permutevar8x32_epi32(entries, lanes_of(eight_entries.spread[eight])));
      s.kept += 8 - std::popcount(eight);
    }
  }
  return s;
}

__attribute__((target("avx512f,popcnt"))) Stretch keep_avx512(Stretch s, const char* from, char* to) {
  for (; s.begin + word_bits <= s.end && s.kept + word_bits <= s.kept_end; s.begin += word_bits) {
    std::uint64_t kept = ~s.marks[s.begin / word_bits];
    for (Offset i = 0; i < word_bits; i += 16, kept >>= 16) {
      const auto mask = static_cast<__mmask16>(kept);
      const __m512i entries = _mm512_loadu_si512(from + 4 * (s.begin + i));
      _mm512_storeu_si512(to + 4 * s.kept, _mm512_maskz_compress_epi32(mask, entries));
      s.kept += std::popcount(mask);
    }
  }
  return s;
}

__attribute__((target("avx512f,popcnt"))) Stretch spread_avx512(Stretch s, const char* from, char* to) {
  for (; s.begin + word_bits <= s.end; s.begin += word_bits) {
    std::uint64_t kept = ~s.marks[s.begin / word_bits];
    for (Offset i = 0; i < word_bits; i += 16, kept >>= 16) {
      const auto mask = static_cast<__mmask16>(kept);
      const __m512i entries = _mm512_loadu_si512(from + 4 * s.kept);
      _mm512_storeu_si512(to + 4 * (s.begin + i), _mm512_maskz_expand_epi32(mask, entries));
      s.kept += std::popcount(mask);
    }
  }
  return s;
}

const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
const bool has_avx512 = __builtin_cpu_supports("avx512f") != 0;

template <class T>
Stretch keep_vectors(Stretch s, const T* from, T* to) {
  const auto keep_some = has_avx512 ? keep_avx512 : keep_avx2;
  return sizeof(T) == 4 && has_avx2
             ? keep_some(s, reinterpret_cast<const char*>(from), reinterpret_cast<char*>(to))
             : s;
}

template <class T>
Stretch spread_vectors(Stretch s, const T* from, T* to) {
  const auto spread_some = has_avx512 ? spread_avx512 : spread_avx2;
  return sizeof(T) == 4 && has_avx2
             ? spread_some(s, reinterpret_cast<const char*>(from), reinterpret_cast<char*>(to))
             : s;
}

#else

template <class T>
Stretch keep_vectors(Stretch s, const T*, T*) {
  return s;
}

template <class T>
Stretch spread_vectors(Stretch s, const T*, T*) {
  return s;
}

#endif

Stretch stretch_of(const MarkedPositions& marks, Offset begin, Offset end) {
  const std::vector<Offset> kept = marks.unmarked_before({begin, end});
  return {marks.words(), begin, end, kept[0], kept[1]};
}

}  // namespace

template <class Position>
MarkedPositions::MarkedPositions(Offset count, std::span<const Position> positions) {
  count_ = count;
  words_.resize(static_cast<std::size_t>(words_for(count)));
  const auto words = static_cast<Offset>(words_.size());
  parallel_over(words, least_stream / word_bits, [&](Offset begin, Offset end) {
    auto position = std::lower_bound(positions.begin(), positions.end(), begin * word_bits);
    const auto last = std::lower_bound(position, positions.end(), end * word_bits);
    // Bits are gathered in a register: to read a word just written takes longer than all the rest.
    std::uint64_t bits = 0;
    for (auto word = static_cast<std::uint64_t>(begin); position != last; ++position) {
      const auto next = static_cast<std::uint64_t>(*position);
      bits = (word_of(next) == word ? bits : 0) | std::uint64_t{1} << bit_of(next);
      word = word_of(next);
      words_[word] = bits;
    }
  });
  count_blocks();
}

template MarkedPositions::MarkedPositions(Offset, std::span<const Offset>);
template MarkedPositions::MarkedPositions(Offset, std::span<const std::uint32_t>);

MarkedPositions::MarkedPositions(Offset count, std::vector<std::uint64_t> words)
    : count_(count), words_(std::move(words)) {
  count_blocks();
}

std::vector<Offset> MarkedPositions::unmarked_before(const std::vector<Offset>& positions) const {
  std::vector<Offset> unmarked(positions.size());
  parallel_over(static_cast<Offset>(positions.size()), least_part, [&](Offset begin, Offset end) {
    count_unmarked(words_.data(), before_.data(), positions.data() + begin, end - begin,
                   unmarked.data() + begin);
  });
  return unmarked;
}

void MarkedPositions::count_blocks() {
  before_.assign(1, 0);
  const auto words = static_cast<Offset>(words_.size());
  before_.reserve(static_cast<std::size_t>(words / block_words) + 2);
  for (Offset first = 0; first <= words; first += block_words) {
    before_.push_back(before_.back() +
                      count_bits(words_.data() + first, std::min(block_words, words - first)));
  }
}

void Moves::grow_at(Scratch<std::uint32_t> places) {
  places_ = std::move(places);
  grown_ = MarkedPositions(after(), std::span<const std::uint32_t>(places_.data(), places_.size()));
}

template <class T>
void Moves::keep(std::span<const T> array, T* kept) const {
  parallel_over(before(), least_stream, [&](Offset begin, Offset end) {
    const Stretch stretch = stretch_of(dropped_, begin, end);
    keep_stretch(keep_vectors(stretch, array.data(), kept), array.data(), kept);
  });
}

template <class T>
void Moves::spread_kept(const T* kept, Offset begin, Offset end, T* array) const {
  const Stretch stretch = stretch_of(grown_, begin, end);
  spread_stretch(spread_vectors(stretch, kept, array), kept, array);
}

template void Moves::keep(std::span<const Index>, Index*) const;
template void Moves::keep(std::span<const Real>, Real*) const;
template void Moves::spread_kept(const Index*, Offset, Offset, Index*) const;
template void Moves::spread_kept(const Real*, Offset, Offset, Real*) const;

}  // namespace plexus
