#pragma once

#include <vector>

#include "src/rewire/moves.hpp"
#include "src/support/aligned.hpp"
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

/// Number of entries at the beginning of [begin, end) that are below something, where none behind the first
/// that is not is. Eight are looked at a time, `Moves::padding` behind `end` being readable: few are expected
/// to be below, and nobody can predict how many.
/// @param below  below(entry, i) for entry i
template <class Below>
[[nodiscard]] Index count_below(const Index* begin, const Index* end, Below&& below) {
  constexpr Index step = 8;
  for (Index count = 0;; count += step) {
    const Index left = static_cast<Index>(end - begin) - count;
    Index found = 0;
    for (Index i = 0; i < step; ++i) {
      const bool counts = below(begin[count + i], count + i);
      found += counts & (i < left) ? 1 : 0;
    }
    if (found < step) return count + found;
  }
}

}  // namespace plexus
