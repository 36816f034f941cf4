#include "src/rewire/evolve.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "src/support/error.hpp"
#include "src/support/random_stream.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

/// Connections of pruned neurons are not grown beyond this density: SET needs empty cells to explore.
/// The published scripts stop evolving a layer at the same density.
constexpr double refill_density = 0.8;

std::vector<char> marked(Index count, const std::vector<Index>& neurons) {
  std::vector<char> marks(static_cast<std::size_t>(count), 0);
  for (const Index neuron : neurons) marks.at(static_cast<std::size_t>(neuron)) = 1;
  return marks;
}

/// Ascending positions of the connections that a removed neuron has part in.
std::vector<Offset> connections_of(const Topology& topology, const std::vector<Index>& removed_rows,
                                   const std::vector<Index>& removed_cols) {
  std::vector<Offset> positions;
  if (removed_rows.empty() && removed_cols.empty()) return positions;
  const std::vector<char> row_removed = marked(topology.rows, removed_rows);
  const std::vector<char> col_removed = marked(topology.cols, removed_cols);
  for (Index row = 0; row < topology.rows; ++row) {
    const Offset end = topology.row_ptrs[row + std::size_t{1}];
    for (Offset p = topology.row_ptrs[row]; p < end; ++p) {
      if (row_removed[row] != 0 || col_removed[topology.col_idxs[p]] != 0) positions.push_back(p);
    }
  }
  return positions;
}

/// Ascending numbers below `count` that are not among the ascending `excluded`.
std::vector<Offset> all_but(const std::vector<Offset>& excluded, Offset count) {
  std::vector<Offset> rest;
  rest.reserve(static_cast<std::size_t>(count) - excluded.size());
  auto next = excluded.begin();
  for (Offset i = 0; i < count; ++i) {
    if (next != excluded.end() && *next == i) {
      ++next;
    } else {
      rest.push_back(i);
    }
  }
  return rest;
}

/// Adds to `edit`, which holds what pruning removes, the connections that the drop rule chooses among the
/// others.
void drop_by_rule(const LayerView& view, const Evolution& evolution, LayerEdit& edit) {
  const Topology& before = *view.topology;
  if (edit.empty()) {
    edit.dropped = evolution.method.drop->select({before, view.values, evolution.drop_fraction});
    return;
  }
  const Topology left = edited(before, edit);
  const std::vector<Offset> positions = all_but(edit.dropped, before.connections());
  std::vector<Real> values(positions.size());
  std::transform(positions.begin(), positions.end(), values.begin(),
                 [&](Offset p) { return view.values[p]; });

  std::vector<Offset> chosen = evolution.method.drop->select({left, values, evolution.drop_fraction});
  for (Offset& p : chosen) p = positions.at(static_cast<std::size_t>(p));
  std::vector<Offset> all(edit.dropped.size() + chosen.size());
  std::merge(edit.dropped.begin(), edit.dropped.end(), chosen.begin(), chosen.end(), all.begin());
  edit.dropped = std::move(all);
}

/// How many connections the layer has after the edit.
/// @param freed connections that pruned neurons took with them; `kept` has the size of the layer after the
/// edit.
Offset connections_after(const Topology& before, Offset freed, const Topology& kept, Budget budget) {
  const Offset left = before.connections() - freed;
  if (budget == Budget::shrink) return left;
  const auto refilled = static_cast<Offset>(refill_density * static_cast<double>(kept.cells()));
  return std::max(left, std::min(before.connections(), refilled));
}

}  // namespace

Budget budget_named(const std::string& name) {
  if (name == "fixed") return Budget::fixed;
  require(name == "shrink", "neuron_pruning.budget is '{}', which does not exist. {}", name,
          known_names_hint(name, {"fixed", "shrink"}));
  return Budget::shrink;
}

LayerEdit edit_layer(std::span<const LayerView> layers, std::size_t layer, const RemovedNeurons& removed,
                     const Evolution& evolution) {
  ensure(layer < layers.size() && (removed.empty() || removed.size() + 1 == layers.size()),
         "edit of layer {} of {} with removed neurons of {} hidden layers", layer, layers.size(),
         removed.size());
  const LayerView& view = layers[layer];
  LayerEdit edit;
  if (layer < removed.size()) edit.removed_rows = removed[layer];
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
  drop_by_rule(view, evolution, edit);
  const Topology kept = edited(before, edit);
  const Offset count = connections_after(before, freed, kept, evolution.budget) - kept.connections();
  const RandomStream places(evolution.seed, Purpose::growth, evolution.epoch, layer);
  const std::vector<Cell> cells = evolution.method.growth->propose({kept, places}, count);
  ensure(static_cast<Offset>(cells.size()) == count,
         "layer {}: the growth rule proposed {} connections instead of {}", layer, cells.size(), count);

  const auto row_ids =
      without(std::vector<NeuronId>(view.row_ids.begin(), view.row_ids.end()), edit.removed_rows);
  const auto col_ids =
      without(std::vector<NeuronId>(view.col_ids.begin(), view.col_ids.end()), edit.removed_cols);
  const RandomStream weights(evolution.seed, Purpose::grown_weight, evolution.epoch, layer);
  edit.grown.reserve(cells.size());
  for (const Cell& cell : cells) {
    edit.grown.push_back({cell.row, cell.col,
                          evolution.init.value(weights, row_ids.at(static_cast<std::size_t>(cell.row)),
                                               col_ids.at(static_cast<std::size_t>(cell.col)),
                                               view.original_cols, view.original_rows)});
  }
  return edit;
}

EditList evolve(std::span<const LayerView> layers, const RemovedNeurons& removed,
                const Evolution& evolution) {
  EditList edits;
  edits.reserve(layers.size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    edits.push_back(edit_layer(layers, layer, removed, evolution));
  }
  return edits;
}

}  // namespace plexus
