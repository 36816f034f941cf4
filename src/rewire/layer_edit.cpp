#include "src/rewire/layer_edit.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "src/rewire/kept_connections.hpp"
#include "src/rewire/kept_lines.hpp"
#include "src/rewire/moves.hpp"
#include "src/support/aligned.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

void check_lengths(Offset connections, std::span<const CarriedArray> arrays) {
  for (const CarriedArray& carried : arrays) {
    ensure(static_cast<Offset>(carried.array->size()) == connections,
           "edit of an array of {} entries for {} connections", carried.array->size(), connections);
  }
}

/// The values of what grows, side by side, where they can be picked fast in any order.
Scratch<Real> values_of(const std::vector<GrownConnection>& grown) {
  Scratch<Real> values(grown.size());
  parallel_over(static_cast<Offset>(grown.size()), least_stream, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) values[i] = grown[i].value;
  });
  return values;
}

/// The pattern of what grows.
/// @throws Fault if a cell is outside or out of order
Topology pattern_of(const std::vector<GrownConnection>& grown, Index rows, Index cols) {
  const auto count = static_cast<Offset>(grown.size());
  Topology pattern;
  pattern.rows = rows;
  pattern.cols = cols;
  pattern.row_ptrs.resize(static_cast<std::size_t>(rows) + 1);
  pattern.col_idxs.resize(grown.size());
  const auto place = [](const GrownConnection& g) {
    return Offset{g.row} << 32 | static_cast<std::uint32_t>(g.col);
  };
  const auto is_below = [](Index number, Index limit) {
    return static_cast<std::uint32_t>(number) < static_cast<std::uint32_t>(limit);
  };
  const Offset misfit = first_misfit(count, [&](Offset i) {
    const GrownConnection& g = grown[i];
    pattern.col_idxs[i] = g.col;
    const bool inside = is_below(g.row, rows) & is_below(g.col, cols);
    return inside & (i == 0 || place(grown[i - 1]) < place(g));
  });
  const GrownConnection at = misfit < count ? grown[misfit] : GrownConnection{};
  ensure(misfit == count, "edit grows ({}, {}), which is out of order or outside of {} x {}", at.row, at.col,
         rows, cols);
  parallel_over(rows, least_part, [&](Offset begin, Offset end) {
    auto next = std::partition_point(grown.begin(), grown.end(),
                                     [begin](const GrownConnection& g) { return g.row < begin; });
    for (Offset row = begin; row < end; ++row) {
      while (next != grown.end() && next->row == row) ++next;
      pattern.row_ptrs[row + 1] = next - grown.begin();
    }
  });
  return pattern;
}

/// Goes through what grows, in an order of which `kept` is left, and finds where among the kept connections.
class PlaceSearch {
 public:
  /// @param first  the first that is looked at
  PlaceSearch(const std::vector<Offset>& grown_ptrs, const Index* grown_entries, const KeptLines& kept,
              const Index* kept_entries, Offset first)
      : grown_ptrs_(grown_ptrs.data()),
        grown_entries_(grown_entries),
        kept_(kept),
        kept_entries_(kept_entries),
        i_(first) {
    turn_to(std::upper_bound(grown_ptrs.begin(), grown_ptrs.end(), first) - grown_ptrs.begin() - 1);
  }

  /// Writes the place after the edit of the next one.
  /// @throws Fault if its cell is occupied
  void next(std::uint32_t* places) {
    while (i_ == grown_ptrs_[line_ + 1]) turn_to(line_ + 1);
    const Index grown = grown_entries_[i_];
    next_ += count_below<0>(next_, end_, grown);
    ensure(next_ == end_ || *next_ != grown, "edit grows a connection at {} of {} {}, which is occupied",
           grown, kept_.line_name(), line_);
    places[i_] = static_cast<std::uint32_t>(next_ - kept_entries_ + i_);
    ++i_;
  }

 private:
  void turn_to(Offset line) {
    line_ = line;
    next_ = kept_entries_ + kept_.ptrs()[line];
    end_ = kept_entries_ + kept_.ptrs()[line + 1];
  }

  const Offset* grown_ptrs_;
  const Index* grown_entries_;
  const KeptLines& kept_;
  const Index* kept_entries_;
  Offset i_;
  Offset line_ = 0;
  const Index* next_ = nullptr;
  const Index* end_ = nullptr;
};

/// The places that what grows has among the connections after the edit, in an order of which `kept` is left.
/// @param kept_entries  of the lines
/// @throws Fault if a cell is occupied
Scratch<std::uint32_t> places_of(const std::vector<Offset>& grown_ptrs,
                                 const std::vector<Index>& grown_entries, const KeptLines& kept,
                                 const Index* kept_entries) {
  Scratch<std::uint32_t> places(grown_entries.size());
  parallel_over(static_cast<Offset>(places.size()), least_part, [&](Offset begin, Offset end) {
    take_turns(
        begin, end,
        [&](Offset first) {
          return PlaceSearch(grown_ptrs, grown_entries.data(), kept, kept_entries, first);
        },
        [&](PlaceSearch& search) { search.next(places.data()); });
  });
  return places;
}

/// Replaces the pattern that `kept` is left of by what it is when others have grown.
/// @return how its connections have moved
Moves replace(const KeptLines& kept, const std::vector<Offset>& grown_ptrs,
              const std::vector<Index>& grown_entries, std::vector<Offset>& ptrs,
              std::vector<Index>& entries) {
  const Scratch<Index> kept_entries = kept.entries();
  Moves moves(kept.moves().dropped());
  moves.grow_at(places_of(grown_ptrs, grown_entries, kept, kept_entries.data()));
  moves.spread(kept_entries.data(), entries, [&](Offset i) { return grown_entries[i]; });
  ptrs.resize(kept.ptrs().size());
  for (std::size_t line = 0; line < ptrs.size(); ++line) ptrs[line] = kept.ptrs()[line] + grown_ptrs[line];
  return moves;
}

/// @param value  value(i): that of the i-th that grows
template <class Value>
void carry(const Moves& moves, std::span<const CarriedArray> arrays, Scratch<Real>& spare, Value&& value) {
  const auto room = static_cast<std::size_t>(moves.kept() + Moves::padding);
  if (!arrays.empty() && spare.size() < room) spare = Scratch<Real>(room);
  for (const CarriedArray& carried : arrays) {
    if (carried.grown == Grown::value) {
      moves.carry(*carried.array, spare.data(), value);
    } else {
      moves.carry(*carried.array, spare.data(), [](Offset) { return Real{0}; });
    }
  }
}

/// Makes `topology` what it is after the edit.
/// @param kept   what the edit leaves of it
/// @param grown  the pattern of what grows
/// @return how connections have moved in row order
Moves edit_rows(Topology& topology, const KeptConnections& kept, const Topology& grown) {
  const Index rows = kept.rows();
  const Index cols = kept.cols();
  Moves moves = replace(kept.by_row(), grown.row_ptrs, grown.col_idxs, topology.row_ptrs, topology.col_idxs);
  topology.rows = rows;
  topology.cols = cols;
  ++topology.generation;
  return moves;
}

/// Makes `columns` the index of `after`.
/// @param dropped  in column order
/// @return how connections have moved in column order
Moves edit_columns(TransposedIndex& columns, const Topology& after, const LayerEdit& edit,
                   const TransposedIndex& grown, MarkedPositions dropped) {
  const auto rows_before = after.rows + static_cast<Index>(edit.removed_rows.size());
  const KeptLines kept({columns.col_ptrs, columns.row_idxs, edit.removed_cols, edit.removed_rows, rows_before,
                        "column", "row"},
                       std::move(dropped));
  return replace(kept, grown.col_ptrs, grown.row_idxs, columns.col_ptrs, columns.row_idxs);
}

}  // namespace

Topology edited(Topology before, const LayerEdit& edit, std::span<const CarriedArray> arrays) {
  check_lengths(before.connections(), arrays);
  const KeptConnections kept(before, edit);
  const Moves moves = edit_rows(before, kept, pattern_of(edit.grown, kept.rows(), kept.cols()));
  Scratch<Real> spare;
  carry(moves, arrays, spare, [&](Offset i) { return edit.grown[i].value; });
  return before;
}

Topology edited(Topology before, TransposedIndex& columns, const LayerEdit& edit,
                std::span<const CarriedArray> by_column) {
  check_lengths(before.connections(), by_column);
  const KeptConnections kept(before, edit);
  const Topology grown = pattern_of(edit.grown, kept.rows(), kept.cols());
  MarkedPositions dropped(before.connections(),
                          marks_in_column_order(kept.dropped().words(), before, columns));
  static_cast<void>(edit_rows(before, kept, grown));
  const TransposedIndex grown_columns = transposed(grown);
  const std::vector<std::uint32_t> grown_positions = row_positions(grown, grown_columns);
  const Moves moves = edit_columns(columns, before, edit, grown_columns, std::move(dropped));
  Scratch<Real> spare;
  const Scratch<Real> values = values_of(edit.grown);
  carry(moves, by_column, spare, [&](Offset i) { return values[grown_positions[i]]; });
  return before;
}

}  // namespace plexus
