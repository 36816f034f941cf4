#include "src/state/model_snapshot.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

#include "src/state/run_sink.hpp"
#include "src/support/error.hpp"
#include "src/support/hash.hpp"
#include "src/support/multiversion.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

// First words of the hashes of the three kinds of parts, so that none can be mistaken for another.
constexpr std::uint64_t connection_tag = 1;
constexpr std::uint64_t neuron_tag = 2;
constexpr std::uint64_t exponent_tag = 3;

std::uint64_t word(std::int64_t number) { return static_cast<std::uint64_t>(number); }

/// Connections or neurons hashed at a time: elementwise loops over so many are vectorised and stay in the
/// cache.
constexpr std::size_t hash_block = 512;
using Hashes = std::array<std::uint64_t, hash_block>;

PLEXUS_MULTIVERSION void start(std::uint64_t hash, const NeuronId* ids, std::size_t count, Hashes& hashes) {
  for (std::size_t i = 0; i < count; ++i) hashes[i] = mix64(hash ^ static_cast<std::uint64_t>(ids[i]));
}

PLEXUS_MULTIVERSION void go_on(const Real* values, std::size_t count, Hashes& hashes) {
  for (std::size_t i = 0; i < count; ++i) hashes[i] = mix64(hashes[i] ^ bits_of(values[i]));
}

/// Sum of `hashes`, each continued by the bits of element `begin` + i of `values` and of each array of
/// `states`.
std::uint64_t sum_with(const std::vector<Real>& values, const std::vector<std::vector<Real>>& states,
                       std::size_t begin, std::size_t count, Hashes& hashes) {
  go_on(values.data() + begin, count, hashes);
  for (const auto& state : states) go_on(state.data() + begin, count, hashes);
  return std::accumulate(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(count),
                         std::uint64_t{0});
}

/// Sum over the connections of a row.
/// @param hash  of what the row's connections have in common
/// @param cols  of the connections, `nullptr` for all columns
std::uint64_t sum_of_row(const LayerSnapshot& layer, std::uint64_t hash, const Index* cols, std::size_t begin,
                         std::size_t end) {
  std::uint64_t sum = 0;
  std::array<NeuronId, hash_block> ids;
  Hashes hashes;
  for (std::size_t done = 0; done < end - begin; done += hash_block) {
    const std::size_t count = std::min(hash_block, end - begin - done);
    for (std::size_t i = 0; i < count; ++i) {
      ids[i] = layer.col_ids[cols == nullptr ? done + i : static_cast<std::size_t>(cols[done + i])];
    }
    start(hash, ids.data(), count, hashes);
    sum += sum_with(layer.values, layer.value_states, begin + done, count, hashes);
  }
  return sum;
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

std::uint64_t slice_fingerprint(const LayerSnapshot& layer, std::size_t layer_index) {
  check_sizes(layer, layer_index);
  const Topology& t = layer.topology;
  const bool dense = layer.kind == LayerKind::dense;
  const auto cols = static_cast<std::size_t>(t.cols);
  const int parts = parts_for(static_cast<Offset>(layer.values.size()), least_part);
  const std::vector<Index> cuts = dense ? even_cuts(t.rows, parts) : balanced_cuts(t.row_ptrs, parts);
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(parts), 0);
  for_each_part(parts, [&](int part) {
    std::uint64_t sum = 0;
    Hashes hashes;
    for (auto row = static_cast<std::size_t>(cuts[part]); row < static_cast<std::size_t>(cuts[part + 1]);
         ++row) {
      hashes[0] = mix64(neuron_tag, layer_index, word(layer.row_ids[row]));
      sum += sum_with(layer.biases, layer.bias_states, row, 1, hashes);

      const std::uint64_t of_row = mix64(connection_tag, layer_index, word(layer.row_ids[row]));
      const std::size_t begin = dense ? row * cols : static_cast<std::size_t>(t.row_ptrs[row]);
      const std::size_t end = dense ? begin + cols : static_cast<std::size_t>(t.row_ptrs[row + 1]);
      sum += sum_of_row(layer, of_row, dense ? nullptr : t.col_idxs.data() + begin, begin, end);
    }
    sums[part] = sum;
  });
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

std::uint64_t layer_fingerprint(std::uint64_t slices, std::size_t layer_index, int gradient_exponent) {
  return slices + mix64(exponent_tag, layer_index, word(gradient_exponent));
}

std::uint64_t fingerprint(const LayerSnapshot& layer, std::size_t layer_index) {
  return layer_fingerprint(slice_fingerprint(layer, layer_index), layer_index, layer.gradient_exponent);
}

std::uint64_t fingerprint(const TrainingPosition& at, std::span<const std::uint64_t> layers) {
  std::uint64_t hash = mix64(word(at.epoch), word(at.step), word(at.global_step));
  for (const std::uint64_t layer : layers) hash = mix64(hash, layer);
  return hash;
}

std::uint64_t fingerprint(const ModelSnapshot& snapshot) {
  std::vector<std::uint64_t> layers;
  for (std::size_t i = 0; i < snapshot.layers.size(); ++i)
    layers.push_back(fingerprint(snapshot.layers[i], i));
  return fingerprint(snapshot.position, layers);
}

std::uint64_t pattern_hash(const Topology& in_stable_ids) {
  std::vector<NeuronId> row_ids(static_cast<std::size_t>(in_stable_ids.rows));
  std::vector<NeuronId> col_ids(static_cast<std::size_t>(in_stable_ids.cols));
  std::iota(row_ids.begin(), row_ids.end(), NeuronId{0});
  std::iota(col_ids.begin(), col_ids.end(), NeuronId{0});
  return pattern_hash(in_stable_ids, row_ids, col_ids);
}

std::uint64_t pattern_hash(const Topology& pattern, std::span<const NeuronId> row_ids,
                           std::span<const NeuronId> col_ids) {
  const Topology& t = pattern;
  const int parts = parts_for(t.connections(), least_part);
  const std::vector<Index> cuts = balanced_cuts(t.row_ptrs, parts);
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(parts), 0);
  for_each_part(parts, [&](int part) {
    std::uint64_t sum = 0;
    for (auto row = static_cast<std::size_t>(cuts[part]); row < static_cast<std::size_t>(cuts[part + 1]);
         ++row) {
      for (auto p = static_cast<std::size_t>(t.row_ptrs[row]);
           p < static_cast<std::size_t>(t.row_ptrs[row + 1]); ++p) {
        sum += mix64(word(row_ids[row]), word(col_ids[static_cast<std::size_t>(t.col_idxs[p])]));
      }
    }
    sums[part] = sum;
  });
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

}  // namespace plexus
