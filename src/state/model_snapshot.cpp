#include "src/state/model_snapshot.hpp"

#include <cstddef>

#include "src/state/run_sink.hpp"
#include "src/support/error.hpp"
#include "src/support/hash.hpp"

namespace plexus {

namespace {

// First words of the hashes of the three kinds of parts, so that none can be mistaken for another.
constexpr std::uint64_t connection_tag = 1;
constexpr std::uint64_t neuron_tag = 2;
constexpr std::uint64_t exponent_tag = 3;

std::uint64_t word(std::int64_t number) { return static_cast<std::uint64_t>(number); }

/// `hash` continued by the bits of element `i` of `values` and of each array of `states`.
std::uint64_t with_values(std::uint64_t hash, const std::vector<Real>& values,
                          const std::vector<std::vector<Real>>& states, std::size_t i) {
  hash = mix64(hash ^ bits_of(values[i]));
  for (const auto& state : states) hash = mix64(hash ^ bits_of(state[i]));
  return hash;
}

void check_sizes(const LayerSnapshot& layer, std::size_t layer_index) {
  const Topology& t = layer.topology;
  const auto rows = static_cast<std::size_t>(t.rows);
  const auto stored = layer.kind == LayerKind::dense ? t.cells() : t.connections();
  bool fits = layer.values.size() == static_cast<std::size_t>(stored) && layer.biases.size() == rows &&
              layer.row_ids.size() == rows && layer.col_ids.size() == static_cast<std::size_t>(t.cols);
  for (const auto& state : layer.value_states) fits = fits && state.size() == layer.values.size();
  for (const auto& state : layer.bias_states) fits = fits && state.size() == layer.biases.size();
  ensure(fits, "layer {}: the arrays of the snapshot do not fit its {} x {} neurons and {} connections",
         layer_index, t.rows, t.cols, stored);
}

}  // namespace

std::uint64_t fingerprint(const LayerSnapshot& layer, std::size_t layer_index) {
  check_sizes(layer, layer_index);
  const Topology& t = layer.topology;
  const auto cols = static_cast<std::size_t>(t.cols);
  std::uint64_t sum = mix64(exponent_tag, layer_index, word(layer.gradient_exponent));
  for (std::size_t row = 0; row < layer.row_ids.size(); ++row) {
    const std::uint64_t neuron = mix64(neuron_tag, layer_index, word(layer.row_ids[row]));
    sum += with_values(neuron, layer.biases, layer.bias_states, row);

    const std::uint64_t of_row = mix64(connection_tag, layer_index, word(layer.row_ids[row]));
    const bool dense = layer.kind == LayerKind::dense;
    const std::size_t begin = dense ? row * cols : static_cast<std::size_t>(t.row_ptrs[row]);
    const std::size_t end = dense ? begin + cols : static_cast<std::size_t>(t.row_ptrs[row + 1]);
    for (std::size_t p = begin; p < end; ++p) {
      const std::size_t col = dense ? p - begin : static_cast<std::size_t>(t.col_idxs[p]);
      sum += with_values(mix64(of_row ^ word(layer.col_ids[col])), layer.values, layer.value_states, p);
    }
  }
  return sum;
}

std::uint64_t fingerprint(const ModelSnapshot& snapshot) {
  const TrainingPosition& at = snapshot.position;
  std::uint64_t hash = mix64(word(at.epoch), word(at.step), word(at.global_step));
  for (std::size_t i = 0; i < snapshot.layers.size(); ++i) {
    hash = mix64(hash, fingerprint(snapshot.layers[i], i));
  }
  return hash;
}

std::uint64_t pattern_hash(const Topology& in_stable_ids) {
  const Topology& t = in_stable_ids;
  std::uint64_t sum = 0;
  for (std::size_t row = 0; row + 1 < t.row_ptrs.size(); ++row) {
    for (Offset p = t.row_ptrs[row]; p < t.row_ptrs[row + 1]; ++p) {
      sum += mix64(row, word(t.col_idxs[static_cast<std::size_t>(p)]));
    }
  }
  return sum;
}

}  // namespace plexus
