#include "src/rewire/kept_lines.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

constexpr Index removed_neuron = -1;

/// New number of each of `count` neurons, `removed_neuron` for the removed ones; empty where none is removed.
std::vector<Index> renumbered(Index count, const std::vector<Index>& removed, const char* what) {
  if (removed.empty()) return {};
  std::vector<Index> numbers(static_cast<std::size_t>(count));
  std::size_t next = 0;
  for (Index i = 0; i < count; ++i) {
    if (next < removed.size() && removed[next] == i) {
      numbers[i] = removed_neuron;
      ++next;
    } else {
      numbers[i] = i - static_cast<Index>(next);
    }
  }
  ensure(next == removed.size(), "edit removes {} {}, which does not exist or is out of order", what,
         next < removed.size() ? removed[next] : 0);
  return numbers;
}

}  // namespace

KeptLines::KeptLines(const Lines& lines, MarkedPositions dropped)
    : lines_(lines),
      moves_(std::move(dropped)),
      new_entries_(renumbered(lines.entry_kinds, lines.removed_entries, lines.entry)) {
  const auto count = static_cast<Offset>(lines.ptrs.size()) - 1;
  const std::vector<Index> new_lines = renumbered(static_cast<Index>(count), lines.removed_lines, lines.line);
  ptrs_.resize(lines.ptrs.size() - lines.removed_lines.size());
  parallel_over(count, least_part, [&](Offset begin, Offset end) {
    for (Offset line = begin; line < end; ++line) {
      const Offset line_end = lines.ptrs[line + 1];
      const Offset kept_end = line_end - moves_.dropped().marked_before(line_end);
      const Offset new_line = new_lines.empty() ? line : new_lines[line];
      if (new_line != removed_neuron) ptrs_[new_line + 1] = kept_end;
    }
  });
  for (const Index line : lines.removed_lines) {
    const Offset begin = lines.ptrs[line];
    const Offset end = lines.ptrs[line + std::size_t{1}];
    ensure(moves_.dropped().marked_before(end) - moves_.dropped().marked_before(begin) == end - begin,
           "edit removes {} {} but does not drop all of its connections", lines.line, line);
  }
}

Scratch<Index> KeptLines::entries() const {
  Scratch<Index> kept(static_cast<std::size_t>(moves_.kept() + Moves::padding));
  moves_.keep(std::span<const Index>(lines_.entries), kept.data());
  if (new_entries_.empty()) return kept;
  const Offset misfit = first_misfit(moves_.kept(), [&](Offset i) {
    kept[i] = new_entries_[kept[i]];
    return kept[i] != removed_neuron;
  });
  ensure(misfit == moves_.kept(), "edit removes a {} but does not drop all of its connections", lines_.entry);
  return kept;
}

}  // namespace plexus
