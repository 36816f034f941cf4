#include "src/state/layer_slices.hpp"

#include <utility>

#include "src/support/error.hpp"

namespace plexus {

namespace {

template <class T>
std::vector<T> part_of(const std::vector<T>& array, Offset begin, Offset end) {
  return {array.begin() + begin, array.begin() + end};
}

std::vector<std::vector<Real>> part_of(const std::vector<std::vector<Real>>& arrays, Offset begin,
                                       Offset end) {
  std::vector<std::vector<Real>> parts;
  for (const auto& array : arrays) parts.push_back(part_of(array, begin, end));
  return parts;
}

template <class T>
void append(std::vector<T>& array, const std::vector<T>& more) {
  array.insert(array.end(), more.begin(), more.end());
}

}  // namespace

LayerSnapshot slice_of(const LayerSnapshot& layer, Index begin, Index end) {
  ensure(layer.kind == LayerKind::sparse, "only sparse layers are cut into slices");
  const Topology& whole = layer.topology;
  const Offset first = whole.row_ptrs.at(static_cast<std::size_t>(begin));
  const Offset last = whole.row_ptrs.at(static_cast<std::size_t>(end));
  LayerSnapshot slice;
  slice.activation = layer.activation;
  slice.topology.rows = end - begin;
  slice.topology.cols = whole.cols;
  slice.topology.generation = whole.generation;
  slice.topology.row_ptrs = part_of(whole.row_ptrs, begin, Offset{end} + 1);
  for (Offset& ptr : slice.topology.row_ptrs) ptr -= first;
  slice.topology.col_idxs = part_of(whole.col_idxs, first, last);
  slice.values = part_of(layer.values, first, last);
  slice.value_states = part_of(layer.value_states, first, last);
  slice.biases = part_of(layer.biases, begin, end);
  slice.bias_states = part_of(layer.bias_states, begin, end);
  slice.row_ids = part_of(layer.row_ids, begin, end);
  slice.col_ids = layer.col_ids;
  slice.original_rows = layer.original_rows;
  slice.original_cols = layer.original_cols;
  slice.gradient_exponent = layer.gradient_exponent;
  return slice;
}

LayerSnapshot joined(std::vector<LayerSnapshot> slices) {
  LayerSnapshot layer = std::move(slices.at(0));
  for (std::size_t i = 1; i < slices.size(); ++i) {
    const LayerSnapshot& slice = slices[i];
    ensure(slice.topology.cols == layer.topology.cols &&
               slice.value_states.size() == layer.value_states.size() &&
               slice.topology.generation == layer.topology.generation,
           "slices of different layers cannot be joined");
    const Offset connections = layer.topology.connections();
    layer.topology.rows += slice.topology.rows;
    for (Index row = 1; row <= slice.topology.rows; ++row) {
      layer.topology.row_ptrs.push_back(connections + slice.topology.row_ptrs[static_cast<std::size_t>(row)]);
    }
    append(layer.topology.col_idxs, slice.topology.col_idxs);
    append(layer.values, slice.values);
    append(layer.biases, slice.biases);
    append(layer.row_ids, slice.row_ids);
    for (std::size_t k = 0; k < layer.value_states.size(); ++k)
      append(layer.value_states[k], slice.value_states[k]);
    for (std::size_t k = 0; k < layer.bias_states.size(); ++k)
      append(layer.bias_states[k], slice.bias_states[k]);
    slices[i] = {};
  }
  return layer;
}

}  // namespace plexus
