#include "src/state/model_snapshot.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/state/run_sink.hpp"
#include "src/support/error.hpp"
#include "src/support/hash.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

/// Rows 4 and 6 are alive, columns 1, 2 and 5; connections (4, 2), (6, 1), (6, 5).
LayerSnapshot two_rows() {
  LayerSnapshot layer;
  layer.topology = {2, 3, {0, 1, 3}, {1, 0, 2}, 0};
  layer.values = {0.5, -1, 2};
  layer.value_states = {{1, 2, 3}, {4, 5, 6}};
  layer.biases = {7, 8};
  layer.bias_states = {{9, 10}};
  layer.row_ids = {4, 6};
  layer.col_ids = {1, 2, 5};
  layer.original_rows = 8;
  layer.original_cols = 6;
  layer.gradient_exponent = 11;
  return layer;
}

/// One row of `two_rows` alone, as a rank that owns only this row has it.
LayerSnapshot one_row(std::size_t row) {
  LayerSnapshot part = two_rows();
  const auto cut = [&](auto& array, std::size_t begin, std::size_t end) {
    array = {array.begin() + static_cast<std::ptrdiff_t>(begin),
             array.begin() + static_cast<std::ptrdiff_t>(end)};
  };
  const std::size_t begin = row == 0 ? 0 : 1, end = row == 0 ? 1 : 3;
  cut(part.topology.col_idxs, begin, end);
  cut(part.values, begin, end);
  for (auto& state : part.value_states) cut(state, begin, end);
  for (auto* per_row : {&part.biases, &part.bias_states[0]}) cut(*per_row, row, row + 1);
  cut(part.row_ids, row, row + 1);
  part.topology.rows = 1;
  part.topology.row_ptrs = {0, static_cast<Offset>(end - begin)};
  return part;
}

// The formula of io/README.md, written out.
TEST(Fingerprint, IsTheDocumentedSum) {
  LayerSnapshot layer;
  layer.topology = {1, 2, {0, 1}, {1}, 0};
  layer.values = {0.5};
  layer.value_states = {{3}, {4}};
  layer.biases = {7};
  layer.bias_states = {{9}};
  layer.row_ids = {6};
  layer.col_ids = {1, 5};
  layer.gradient_exponent = 11;
  ModelSnapshot snapshot;
  snapshot.layers = {layer};
  snapshot.position.epoch = 2;
  snapshot.position.step = 3;
  snapshot.position.global_step = 13;

  std::uint64_t connection = mix64(1, 0, 6);
  for (const std::uint64_t x : {std::uint64_t{5}, bits_of(Real{0.5}), bits_of(Real{3}), bits_of(Real{4})}) {
    connection = mix64(connection ^ x);
  }
  std::uint64_t row = mix64(2, 0, 6);
  for (const std::uint64_t x : {bits_of(Real{7}), bits_of(Real{9})}) row = mix64(row ^ x);
  const std::uint64_t expected = connection + row + mix64(3, 0, 11);
  EXPECT_EQ(fingerprint(layer, 0), expected);
  EXPECT_EQ(fingerprint(snapshot), mix64(mix64(2, 3, 13), expected));
}

TEST(Fingerprint, IsASumOverRows) {
  LayerSnapshot no_rows;
  no_rows.topology = {0, 3, {0}, {}, 0};
  no_rows.col_ids = {1, 2, 5};
  no_rows.gradient_exponent = 11;

  const std::uint64_t whole = fingerprint(two_rows(), 2);

  const std::uint64_t parts = fingerprint(one_row(0), 2) + fingerprint(one_row(1), 2);
  EXPECT_EQ(whole, parts - fingerprint(no_rows, 2))
      << "both parts count what belongs to the layer as a whole";
}

TEST(Fingerprint, ChangesWithEveryPartOfALayer) {
  const std::vector<std::function<void(LayerSnapshot&)>> changes = {
      [](auto& layer) { layer.values[1] = 1; },
      [](auto& layer) { layer.values[2] = 2 + 1e-6F; },
      [](auto& layer) { layer.value_states[0][0] = 0; },
      [](auto& layer) { layer.value_states[1][2] = 0; },
      [](auto& layer) { layer.value_states.pop_back(); },
      [](auto& layer) { layer.biases[0] = 0; },
      [](auto& layer) { layer.bias_states[0][1] = 0; },
      [](auto& layer) { layer.row_ids[1] = 7; },
      [](auto& layer) { layer.col_ids[2] = 4; },
      [](auto& layer) { layer.topology.col_idxs[1] = 1; },
      [](auto& layer) { layer.gradient_exponent = 10; },
      [](auto& layer) { std::swap(layer.values[0], layer.values[1]); }};
  const std::uint64_t expected = fingerprint(two_rows(), 2);

  for (std::size_t i = 0; i < changes.size(); ++i) {
    LayerSnapshot changed = two_rows();
    changes[i](changed);
    EXPECT_NE(fingerprint(changed, 2), expected) << "change " << i;
  }
  EXPECT_NE(fingerprint(two_rows(), 1), expected);
}

/// A layer so large that threads share it, with rows longer and shorter than what is hashed at a time.
LayerSnapshot large_layer() {
  LayerSnapshot layer;
  layer.topology = erdos_renyi(300, 1500, 0.4, RandomStream(3, Purpose::topology));
  const auto fill = [](std::vector<Real>& array, std::size_t size, std::uint64_t salt) {
    for (std::uint64_t i = 0; i < size; ++i) array.push_back(static_cast<Real>(mix64(i, salt) >> 40));
  };
  fill(layer.values, layer.topology.col_idxs.size(), 1);
  fill(layer.value_states.emplace_back(), layer.values.size(), 2);
  fill(layer.biases, 300, 3);
  fill(layer.bias_states.emplace_back(), 300, 4);
  for (NeuronId i = 0; i < 300; ++i) layer.row_ids.push_back(2 * i);
  for (NeuronId i = 0; i < 1500; ++i) layer.col_ids.push_back(3 * i);
  return layer;
}

TEST(Fingerprint, OfALargeLayerIsTheSumForAnyNumberOfThreads) {
  const LayerSnapshot layer = large_layer();
  const Topology& t = layer.topology;
  std::uint64_t expected = mix64(3, 1, 0);
  for (std::size_t row = 0; row < 300; ++row) {
    std::uint64_t hash = mix64(2, 1, 2 * row);
    for (const Real value : {layer.biases[row], layer.bias_states[0][row]})
      hash = mix64(hash ^ bits_of(value));
    expected += hash;
    for (Offset p = t.row_ptrs[row]; p < t.row_ptrs[row + 1]; ++p) {
      hash = mix64(mix64(1, 1, 2 * row) ^ static_cast<std::uint64_t>(3 * t.col_idxs[p]));
      for (const Real value : {layer.values[p], layer.value_states[0][p]})
        hash = mix64(hash ^ bits_of(value));
      expected += hash;
    }
  }

  for (const int threads : thread_counts) {
    EXPECT_EQ(with_threads(threads, [&] { return fingerprint(layer, 1); }), expected) << threads;
  }
}

TEST(PatternHash, TheNumberOfThreadsChangesNothing) {
  const Topology pattern = large_layer().topology;
  std::uint64_t expected = 0;
  for (std::size_t row = 0; row < 300; ++row) {
    for (Offset p = pattern.row_ptrs[row]; p < pattern.row_ptrs[row + 1]; ++p) {
      expected += mix64(row, static_cast<std::uint64_t>(pattern.col_idxs[p]));
    }
  }

  for (const int threads : thread_counts) {
    EXPECT_EQ(with_threads(threads, [&] { return pattern_hash(pattern); }), expected) << threads;
  }
}

TEST(Fingerprint, OfADenseLayerIsThatOfAllItsCells) {
  LayerSnapshot sparse;
  sparse.topology = {2, 2, {0, 2, 4}, {0, 1, 0, 1}, 0};
  sparse.values = {1, 2, 3, 4};
  sparse.biases = {5, 6};
  sparse.row_ids = {0, 3};
  sparse.col_ids = {1, 2};
  LayerSnapshot dense = sparse;
  dense.kind = LayerKind::dense;
  dense.topology = {};
  dense.topology.rows = dense.topology.cols = 2;

  EXPECT_EQ(fingerprint(dense, 0), fingerprint(sparse, 0));
}

TEST(Fingerprint, OfASnapshotCoversPositionAndOrderOfLayers) {
  ModelSnapshot snapshot;
  snapshot.layers = {two_rows(), one_row(0)};
  snapshot.position.epoch = 1;
  const std::uint64_t expected = fingerprint(snapshot);

  for (auto member : {&TrainingPosition::epoch, &TrainingPosition::step, &TrainingPosition::global_step}) {
    ModelSnapshot moved = snapshot;
    ++(moved.position.*member);
    EXPECT_NE(fingerprint(moved), expected);
  }
  ModelSnapshot swapped = snapshot;
  std::swap(swapped.layers[0], swapped.layers[1]);
  EXPECT_NE(fingerprint(swapped), expected);
  ModelSnapshot timed = snapshot;
  timed.position.seconds_train = 3;
  EXPECT_EQ(fingerprint(timed), expected) << "time spent is no part of the state";
}

TEST(Fingerprint, RefusesArraysOfOtherSizes) {
  LayerSnapshot layer = two_rows();
  layer.value_states[0].pop_back();

  EXPECT_THROW((void)fingerprint(layer, 0), Fault);
}

TEST(PatternHash, IsTheSumOverConnections) {
  const Topology pattern = {3, 4, {0, 2, 2, 3}, {1, 3, 0}, 9};

  EXPECT_EQ(pattern_hash(pattern), mix64(0, 1) + mix64(0, 3) + mix64(2, 0));
}

}  // namespace
}  // namespace plexus
