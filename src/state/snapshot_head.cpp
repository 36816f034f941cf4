#include "src/state/snapshot_head.hpp"

namespace plexus {

LayerHead head_of(const LayerSnapshot& layer) {
  LayerHead head;
  head.kind = layer.kind;
  head.activation = layer.activation;
  head.rows = layer.topology.rows;
  head.cols = layer.topology.cols;
  head.connections = static_cast<Offset>(layer.values.size());
  head.generation = layer.topology.generation;
  head.original_rows = layer.original_rows;
  head.original_cols = layer.original_cols;
  head.gradient_exponent = layer.gradient_exponent;
  head.value_states = layer.value_states.size();
  head.bias_states = layer.bias_states.size();
  return head;
}

}  // namespace plexus
