#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "src/rewire/moves.hpp"
#include "src/support/aligned.hpp"
#include "src/support/parallel.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// A pattern line by line: its rows with the columns of their connections, or its columns with the rows.
struct Lines {
  const std::vector<Offset>& ptrs;            ///< one more than there are lines
  const std::vector<Index>& entries;          ///< ascending in a line
  const std::vector<Index>& removed_lines;    ///< ascending
  const std::vector<Index>& removed_entries;  ///< ascending numbers of what the entries name
  Index entry_kinds;                          ///< how many there are of what the entries name
  const char* line;                           ///< "row", for messages
  const char* entry;                          ///< "column"
};

/// What dropping connections and removing neurons leaves of `lines`, numbered as afterwards.
class KeptLines {
 public:
  /// Refers to what `lines` refers to. Time O(lines + entry kinds), in parallel.
  /// @throws Fault if neurons do not exist or are out of order, or if a removed line keeps a connection
  KeptLines(const Lines& lines, MarkedPositions dropped);

  [[nodiscard]] const std::vector<Offset>& ptrs() const { return ptrs_; }
  [[nodiscard]] const char* line_name() const { return lines_.line; }
  [[nodiscard]] const Moves& moves() const { return moves_; }
  [[nodiscard]] Index entry_kinds() const {
    return lines_.entry_kinds - static_cast<Index>(lines_.removed_entries.size());
  }

  /// All entries, with Moves::padding more behind them. Time O(connections), in parallel.
  /// @throws Fault if a connection of a removed neuron is kept
  [[nodiscard]] Scratch<Index> entries() const;

 private:
  Lines lines_;
  Moves moves_;
  std::vector<Offset> ptrs_;
  std::vector<Index> new_entries_;  // new number of each entry; empty where none is removed
};

/// Bit i, for i < 8: whether entries[i] is below `bound` + rise i.
template <Index rise>
unsigned marks_below(const Index* entries, Index bound) {
#if defined(__SSE2__)
  const auto four = [&](const Index* from, Index first) {
    const __m128i rises =
        _mm_set_epi32((first + 3) * rise, (first + 2) * rise, (first + 1) * rise, first * rise);
    const __m128i bounds = _mm_add_epi32(_mm_set1_epi32(bound), rises);
    const __m128i below = _mm_cmplt_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), bounds);
    return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(below)));
  };
  return four(entries, 0) | four(entries + 4, 4) << 4;
#else
  unsigned marks = 0;
  for (int i = 0; i < 8; ++i) marks |= (entries[i] < bound + rise * i ? 1U : 0U) << i;
  return marks;
#endif
}

/// Number of entries at the beginning of [begin, end) that are below `bound` + rise i, where i is the number
/// of entries before; none behind the first that is not is. Eight are compared at a time, also behind `end`,
/// where `Moves::padding` can be read: few are expected to be below, and nobody can predict how many.
template <Index rise>
[[nodiscard]] Index count_below(const Index* begin, const Index* end, Index bound) {
  constexpr Index step = 8;
  for (Index count = 0;; count += step) {
    const Index left = static_cast<Index>(end - begin) - count;
    const unsigned not_below =
        ~marks_below<rise>(begin + count, bound + rise * count) | ~0U << std::min(left, step);
    const auto found = static_cast<Index>(std::countr_zero(not_below));
    if (found < step) return count + found;
  }
}

/// Goes through [begin, end) in four stretches at the same time, one step in each by turns: for steps that
/// wait for the one before.
/// @param make  make(first): what goes through a stretch from `first` on
/// @param step  step(made): takes the next one
template <class Make, class Step>
void take_turns(Offset begin, Offset end, Make&& make, Step&& step) {
  if (begin == end) return;
  const auto first = [&](int stretch) { return begin + part_begin(end - begin, stretch, 4); };
  std::array walkers = {make(first(0)), make(first(1)), make(first(2)), make(first(3))};
  for (Offset i = 0; i < (end - begin) / 4; ++i) {
    for (auto& walker : walkers) step(walker);
  }
  for (int stretch = 0; stretch < 4; ++stretch) {
    if (first(stretch + 1) - first(stretch) > (end - begin) / 4) step(walkers[stretch]);
  }
}

}  // namespace plexus
