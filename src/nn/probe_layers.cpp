#include "src/nn/probe_layers.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "src/init/erdos_renyi.hpp"

namespace plexus {

SparseLayer probe_layer(Index rows, Index cols, double density) {
  LayerSnapshot state;
  state.topology = erdos_renyi(rows, cols, density, RandomStream(1, Purpose::topology));
  state.values.assign(static_cast<std::size_t>(state.topology.connections()), Real{0.5});
  state.value_states.emplace_back(state.values.size(), Real{0});
  state.biases.assign(static_cast<std::size_t>(rows), Real{0});
  state.bias_states.push_back(state.biases);
  return SparseLayer(std::move(state));
}

Slabs slabs_of_ones(Index lines, Index neurons, Index lines_per_slab) {
  Slabs slabs;
  slabs.resize(lines, neurons, lines_per_slab);
  std::fill_n(slabs.data(), slabs.size(), Real{1});
  return slabs;
}

}  // namespace plexus
