#include "src/rewire/kept_lines.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "src/rewire/layer_edit.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

constexpr Index removed_neuron = -1;

/// @throws Fault unless the `removed` are among `count` neurons, and ascending
void check_removed(Index count, const std::vector<Index>& removed, const char* what) {
  Index least = 0;
  for (const Index neuron : removed) {
    ensure(neuron >= least && neuron < count, "edit removes {} {}, which does not exist or is out of order",
           what, neuron);
    least = neuron + 1;
  }
}

/// New number of each of `count` neurons, `removed_neuron` for the removed ones; empty where none is removed.
std::vector<Index> renumbered(Index count, const std::vector<Index>& removed) {
  if (removed.empty()) return {};
  std::vector<Index> numbers(static_cast<std::size_t>(count));
  std::size_t next = 0;
  for (Index i = 0; i < count; ++i) {
    const bool gone = next < removed.size() && removed[next] == i;
    numbers[i] = gone ? removed_neuron : i - static_cast<Index>(next);
    next += gone ? 1 : 0;
  }
  return numbers;
}

}  // namespace

KeptLines::KeptLines(const Lines& lines, MarkedPositions dropped)
    : lines_(lines), moves_(std::move(dropped)) {
  check_removed(lines.entry_kinds, lines.removed_entries, lines.entry);
  new_entries_ = renumbered(lines.entry_kinds, lines.removed_entries);
  const auto count = static_cast<Index>(lines.ptrs.size()) - 1;
  check_removed(count, lines.removed_lines, lines.line);
  ptrs_ = moves_.dropped().unmarked_before(lines.ptrs);
  for (const Index line : lines.removed_lines) {
    ensure(ptrs_[line] == ptrs_[line + std::size_t{1}],
           "edit removes {} {} but does not drop all of its connections", lines.line, line);
  }
  if (!lines.removed_lines.empty()) ptrs_ = without(ptrs_, lines.removed_lines);
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
