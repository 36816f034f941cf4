#include "src/rewire/evolve.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "src/rewire/kept_connections.hpp"
#include "src/rewire/positions.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"
#include "src/support/random_stream.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

/// Connections of pruned neurons are not grown beyond this density: SET needs empty cells to explore.
/// The published scripts stop evolving a layer at the same density.
constexpr double refill_density = 0.8;

std::vector<std::uint8_t> marked(Index count, const std::vector<Index>& neurons) {
  std::vector<std::uint8_t> marks(static_cast<std::size_t>(count), 0);
  for (const Index neuron : neurons) marks.at(static_cast<std::size_t>(neuron)) = 1;
  return marks;
}

/// Ascending positions of the connections that a removed neuron has part in.
std::vector<Offset> connections_of(const Topology& topology, const std::vector<Index>& removed_rows,
                                   const std::vector<Index>& removed_cols) {
  if (removed_rows.empty() && removed_cols.empty()) return {};
  const std::vector<std::uint8_t> row_removed = marked(topology.rows, removed_rows);
  const std::vector<std::uint8_t> col_removed = marked(topology.cols, removed_cols);
  const std::vector<Offset>& row_ptrs = topology.row_ptrs;
  return marked_positions(topology.connections(), [&](Offset begin, Offset end, std::uint8_t* marks) {
    auto row = std::upper_bound(row_ptrs.begin(), row_ptrs.end(), begin) - row_ptrs.begin() - 1;
    for (Offset p = begin; p < end; ++row) {
      const Offset row_end = std::min(end, row_ptrs[row + 1]);
      for (; p < row_end; ++p) marks[p - begin] = row_removed[row] | col_removed[topology.col_idxs[p]];
    }
  });
}

/// Adds to `edit`, which holds what pruning removes, the connections that the drop rule chooses among the
/// others.
void drop_by_rule(const LayerView& view, const Evolution& evolution, LayerParts& parts, LayerEdit& edit) {
  const KeptConnections left(*view.topology, edit);
  if (edit.dropped.empty()) {
    edit.dropped = evolution.method.drop->select({left, view.values, evolution.drop_fraction, parts});
    return;
  }
  const Scratch<Real> kept = left.values(view.values);
  const std::span values(kept.data(), static_cast<std::size_t>(left.connections()));
  edit.dropped = with_chosen(edit.dropped,
                             evolution.method.drop->select({left, values, evolution.drop_fraction, parts}));
}

/// How many connections a layer grows, or all parts of it together.
/// @param freed connections that pruned neurons took with them; `kept` has the size of the layer after the
/// edit.
Offset connections_to_grow(const Topology& before, Offset freed, const KeptConnections& kept, Budget budget,
                           LayerParts& parts) {
  std::array<Offset, 4> sums = {before.connections(), freed, kept.connections(), kept.cells()};
  parts.sum(sums);
  const auto [connections, freed_by_all, kept_by_all, cells] = sums;
  const Offset left = connections - freed_by_all;
  if (budget == Budget::shrink) return left - kept_by_all;
  const auto refilled = static_cast<Offset>(refill_density * static_cast<double>(cells));
  return std::max(left, std::min(connections, refilled)) - kept_by_all;
}

/// The removed neurons among the rows of a slice, with its numbers of them.
std::vector<Index> in_slice(const std::vector<Index>& removed, const LayerView& view) {
  if (removed.empty()) return {};
  ensure(removed.front() >= 0 && removed.back() < view.all_rows(), "removal of neurons {} to {} of {}",
         removed.front(), removed.back(), view.all_rows());
  const auto begin = std::lower_bound(removed.begin(), removed.end(), view.first_row);
  std::vector<Index> rows(begin, std::lower_bound(begin, removed.end(), view.first_row + view.rows));
  for (Index& row : rows) row -= view.first_row;
  return rows;
}

/// Stable ids of the neurons that an edit leaves.
struct KeptIds {
  std::vector<NeuronId> rows;
  std::vector<NeuronId> cols;

  KeptIds(const LayerView& view, const LayerEdit& edit)
      : rows(without(std::vector<NeuronId>(view.row_ids.begin(), view.row_ids.end()), edit.removed_rows)),
        cols(without(std::vector<NeuronId>(view.col_ids.begin(), view.col_ids.end()), edit.removed_cols)) {}
};

/// The cells that the growth rule chooses.
std::vector<GrownConnection> grown_cells(const LayerView& view, const KeptConnections& kept,
                                         const KeptIds& ids, const Evolution& evolution, std::size_t layer,
                                         LayerParts& parts, Offset count) {
  const GrowthRule& rule = *evolution.method.growth;
  const RandomStream places(evolution.seed, Purpose::growth, evolution.epoch, layer);
  if (evolution.locality.share == 0) return rule.propose({kept, places, parts}, count);
  const LayerBlocks blocks(evolution.locality.blocks, view.original_rows, view.original_cols, ids.rows,
                           ids.cols);
  const RandomStream places_inside(evolution.seed, Purpose::local_growth, evolution.epoch, layer);
  const GrowthInside inside{blocks, evolution.locality.share, places_inside};
  return rule.propose({kept, places, parts, &inside}, count);
}

/// Draws the values of grown connections.
void draw_values(const LayerView& view, const KeptIds& ids, const Evolution& evolution, std::size_t layer,
                 LayerEdit& edit) {
  const RandomStream stream(evolution.seed, Purpose::grown_weight, evolution.epoch, layer);
  const Fans fans{view.original_cols, view.original_rows};
  const auto total = static_cast<Offset>(edit.grown.size());
  const int parts = parts_for(total, least_part);
  for_each_part(parts, [&](int part) {
    const Offset end = part_begin(total, part + 1, parts);
    std::array<NeuronId, draw_block> rows;
    std::array<NeuronId, draw_block> cols;
    std::array<Real, draw_block> values;
    for (Offset begin = part_begin(total, part, parts); begin < end; begin += draw_block) {
      const auto count = static_cast<std::size_t>(std::min(end - begin, draw_block));
      GrownConnection* grown = edit.grown.data() + begin;
      for (std::size_t i = 0; i < count; ++i) {
        rows[i] = ids.rows.at(static_cast<std::size_t>(grown[i].row));
        cols[i] = ids.cols.at(static_cast<std::size_t>(grown[i].col));
      }
      evolution.init.draw(stream, {rows.data(), count}, {cols.data(), count}, fans, {values.data(), count});
      for (std::size_t i = 0; i < count; ++i) grown[i].value = values[i];
    }
  });
}

}  // namespace

Budget budget_named(const std::string& name) {
  if (name == "fixed") return Budget::fixed;
  require(name == "shrink", "neuron_pruning.budget is '{}', which does not exist. {}", name,
          known_names_hint(name, {"fixed", "shrink"}));
  return Budget::shrink;
}

LayerEdit edit_layer(const LayerView& view, std::size_t layer, const RemovedNeurons& removed,
                     const Evolution& evolution, LayerParts& parts) {
  ensure(removed.empty() || layer <= removed.size(),
         "edit of layer {} with removed neurons of {} hidden layers", layer, removed.size());
  LayerEdit edit;
  if (layer < removed.size()) edit.removed_rows = in_slice(removed[layer], view);
  if (layer > 0 && !removed.empty()) edit.removed_cols = removed[layer - 1];
  if (view.topology == nullptr) return edit;

  const Topology& before = *view.topology;
  ensure(static_cast<Offset>(view.values.size()) == before.connections() &&
             view.row_ids.size() == static_cast<std::size_t>(before.rows) &&
             view.col_ids.size() == static_cast<std::size_t>(before.cols),
         "layer {}: {} values of {} connections, {} and {} ids for {} x {} neurons", layer,
         view.values.size(), before.connections(), view.row_ids.size(), view.col_ids.size(), before.rows,
         before.cols);
  edit.generation = before.generation;
  edit.dropped = connections_of(before, edit.removed_rows, edit.removed_cols);
  if (!view.evolves || !evolution.rewires || !evolution.method.rewires()) return edit;

  const auto freed = static_cast<Offset>(edit.dropped.size());
  drop_by_rule(view, evolution, parts, edit);
  const KeptConnections kept(before, edit);
  const Offset count = connections_to_grow(before, freed, kept, evolution.budget, parts);
  const KeptIds ids(view, edit);
  edit.grown = grown_cells(view, kept, ids, evolution, layer, parts, count);
  const Offset grown = part_begins(parts, static_cast<Offset>(edit.grown.size())).back();
  ensure(grown == count, "layer {}: the growth rule proposed {} connections instead of {}", layer, grown,
         count);
  draw_values(view, ids, evolution, layer, edit);
  return edit;
}

EditList evolve(std::span<const LayerView> layers, const RemovedNeurons& removed, const Evolution& evolution,
                LayerParts& parts) {
  ensure(removed.empty() || removed.size() + 1 == layers.size(),
         "edit of {} layers with removed neurons of {} hidden layers", layers.size(), removed.size());
  EditList edits;
  edits.reserve(layers.size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    edits.push_back(edit_layer(layers[layer], layer, removed, evolution, parts));
  }
  return edits;
}

}  // namespace plexus
