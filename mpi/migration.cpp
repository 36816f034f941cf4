#include "mpi/migration.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "mpi/collectives.hpp"
#include "mpi/model_snapshot_serialization.hpp"
#include "mpi/watchdog.hpp"
#include "src/state/layer_slices.hpp"
#include "src/support/heap.hpp"

namespace plexus {

namespace {

/// Cuts neurons, of which those of each part stand in `work` one after the other, into parts of like work.
std::vector<Index> cuts_by_work(const std::vector<std::vector<Offset>>& work) {
  std::vector<Offset> sums = {0};
  for (const auto& of_part : work) {
    for (const Offset of_neuron : of_part) sums.push_back(sums.back() + of_neuron);
  }
  std::vector<Index> cuts;
  const auto parts = static_cast<Offset>(work.size());
  for (Offset p = 0; p <= parts; ++p) {
    const Offset wanted = sums.back() / parts * p + sums.back() % parts * p / parts;
    cuts.push_back(static_cast<Index>(std::ranges::lower_bound(sums, wanted) - sums.begin()));
  }
  cuts.back() = static_cast<Index>(sums.size()) - 1;
  return cuts;
}

/// Row slices by the parts that they go to.
std::vector<std::vector<std::byte>> messages_of(const LayerSnapshot& slice, Index first_row,
                                                const std::vector<Index>& cuts) {
  std::vector<std::vector<std::byte>> messages;
  for (std::size_t p = 0; p + 1 < cuts.size(); ++p) {
    const Index begin = std::clamp(cuts[p] - first_row, 0, slice.topology.rows);
    const Index end = std::clamp(cuts[p + 1] - first_row, 0, slice.topology.rows);
    LayerSnapshot piece = slice_of(slice, begin, end);
    give_back(piece.col_ids);
    messages.push_back(to_bytes(piece));
  }
  return messages;
}

}  // namespace

LevelCuts balanced_level_cuts(Parts& parts, Network& network) {
  LevelCuts cuts;
  for (std::size_t level = 0; level <= network.depth(); ++level) {
    const Index own = network.cuts()[level][static_cast<std::size_t>(parts.own()) + 1] -
                      network.cuts()[level][static_cast<std::size_t>(parts.own())];
    std::vector<Offset> work(static_cast<std::size_t>(own), 0);
    if (level > 0) network.slice(level - 1).add_row_work(work);
    if (level < network.depth()) network.slice(level).add_col_work(work);
    cuts.push_back(cuts_by_work(gathered(parts, work)));
  }
  return cuts;
}

void migrate(DistributedContext& group, Network& network, const LevelCuts& cuts) {
  std::vector<NeuronId> col_ids = network.layer(0).col_ids();
  const auto moved_slice = [&](std::size_t l) {
    activity::at("moving neurons to other parts, layer", static_cast<std::int64_t>(l) + 1);
    std::vector<std::vector<std::byte>> messages;
    std::vector<NeuronId> row_ids;
    {
      const LayerSnapshot own = network.slice(l).global_state(col_ids);
      const Index first_row = network.cuts()[l + 1][static_cast<std::size_t>(group.rank())];
      messages = messages_of(own, first_row, cuts[l + 1]);
      for (const auto& of_part : gather_all(group, own.row_ids))
        row_ids.insert(row_ids.end(), of_part.begin(), of_part.end());
    }
    network.layer(l).release_state();
    messages = exchange_numbers(group, messages);
    std::vector<LayerSnapshot> pieces;
    for (auto& bytes : messages) {
      pieces.push_back(from_bytes<LayerSnapshot>(bytes));
      give_back(bytes);
    }
    LayerSnapshot slice = joined(std::move(pieces));
    slice.col_ids = std::exchange(col_ids, std::move(row_ids));
    return slice;
  };
  network.take_slices(moved_slice, cuts);
}

}  // namespace plexus
