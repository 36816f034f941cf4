#include "src/rewire/layer_history.hpp"

#include <utility>

#include "src/support/error.hpp"
#include "src/support/heap.hpp"

namespace plexus {

namespace {

void check_sparse(const LayerView& layer) {
  ensure(layer.topology != nullptr && layer.row_ids.size() == static_cast<std::size_t>(layer.rows) &&
             layer.col_ids.size() == static_cast<std::size_t>(layer.cols),
         "stable ids: {} and {} of a layer of {} x {} neurons, {}", layer.row_ids.size(),
         layer.col_ids.size(), layer.rows, layer.cols, layer.topology == nullptr ? "dense" : "sparse");
}

}  // namespace

Topology in_stable_ids(const LayerView& layer) {
  check_sparse(layer);
  const Topology& alive = *layer.topology;
  Topology all;
  all.rows = static_cast<Index>(layer.original_rows);
  all.cols = static_cast<Index>(layer.original_cols);
  all.generation = alive.generation;
  all.row_ptrs.assign(static_cast<std::size_t>(all.rows) + 1, 0);
  for (Index row = 0; row < alive.rows; ++row) {
    all.row_ptrs.at(static_cast<std::size_t>(layer.row_ids[row]) + 1) =
        alive.row_ptrs[row + std::size_t{1}] - alive.row_ptrs[row];
  }
  for (Index row = 0; row < all.rows; ++row) all.row_ptrs[row + std::size_t{1}] += all.row_ptrs[row];
  all.col_idxs.reserve(alive.col_idxs.size());
  for (const Index col : alive.col_idxs) all.col_idxs.push_back(static_cast<Index>(layer.col_ids[col]));
  return all;
}

LayerHistory first_history_of(const LayerView& layer) { return history_of({}, {}, layer, true); }

LayerHistory history_of(std::span<const NeuronId> row_ids_before, LayerEdit edit, const LayerView& after,
                        bool with_base) {
  LayerHistory history;
  history.original_rows = after.original_rows;
  history.original_cols = after.original_cols;
  history.dropped = std::move(
      edit.dropped);  // ids ascend with the numbers of neurons, so the order of positions is the same
  history.added_rows.reserve(edit.grown.size());
  history.added_cols.reserve(edit.grown.size());
  for (const GrownConnection& grown : edit.grown) {
    history.added_rows.push_back(after.row_ids[grown.row]);
    history.added_cols.push_back(after.col_ids[grown.col]);
  }
  give_back(edit.grown);
  for (const Index row : edit.removed_rows) history.pruned_rows.push_back(row_ids_before[row]);
  if (after.topology == nullptr) {
    history.connections = static_cast<Offset>(after.rows) * after.cols;
    return history;
  }
  check_sparse(after);
  history.connections = after.topology->connections();
  history.pattern_hash = pattern_hash(*after.topology, after.row_ids, after.col_ids);
  if (with_base) history.base = in_stable_ids(after);
  return history;
}

}  // namespace plexus
