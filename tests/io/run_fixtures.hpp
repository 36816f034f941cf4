#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/state/model_snapshot.hpp"
#include "src/state/run_sink.hpp"
#include "src/support/hash.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace plexus {

/// A full disk, as a write sees it: no file of this process can grow beyond `bytes` while the object lives.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_limit_);
    rlimit limit = old_limit_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    ::signal(SIGXFSZ, old_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int);
};

/// Hands over a record layer by layer.
inline void hand_over(RunSink& sink, TopologyRecord record) {
  for (std::size_t l = 0; l < record.layers.size(); ++l)
    sink.record({record.epoch, l, record.layers.size(), std::move(record.layers[l])});
}

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_content(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.insert(entry.path().filename().string());
  return names;
}

inline EpochMetrics metrics_of(std::int64_t epoch) {
  EpochMetrics metrics;
  metrics.epoch = epoch;
  metrics.loss = 1.0 / static_cast<double>(epoch);
  metrics.train_accuracy = 0.5;
  metrics.test_accuracy = epoch == 2 ? 0.875 : 0.75;
  metrics.test_loss = 0.25;
  metrics.learning_rate = 0.01;
  metrics.connections = {4, 3, 4};
  metrics.alive_neurons = {3, 3, 2, 2};
  metrics.dropped = {1, 1, 0};
  metrics.grown = {1, 0, 0};
  metrics.seconds_train = 2.0 * static_cast<double>(epoch);
  metrics.seconds_exchange = 0.125;
  metrics.seconds_evaluate = 0.5;
  metrics.seconds_rewire = 0.25;
  metrics.seconds_checkpoint = 0.0625;
  metrics.restarts = 1;
  metrics.ranks = 2;
  metrics.model_parts = 3;
  metrics.bytes_halo = 64;
  metrics.bytes_weights = 32;
  metrics.bytes_rewire = 16;
  metrics.imbalance = 1.0625;
  metrics.memory = 128;
  metrics.memory_peak = 256;
  return metrics;
}

/// Three layers, 3-3-2-2 neurons alive of 3-4-4-2: sparse, sparse with pruned neurons and two optimizer
/// states, dense.
inline ModelSnapshot small_snapshot(std::int64_t epoch = 3, std::int64_t step = 0) {
  ModelSnapshot snapshot;
  snapshot.config_text = "[training]\nseed = 7  # \xc3\xbc\n";
  snapshot.data_name = "two moons";
  snapshot.data_identity = 0x0123456789abcdefULL;
  snapshot.instruction_set = "fma";
  snapshot.position = {epoch, step, epoch * 10 + step, 12345, 67, 1, 1.5, 0.25};

  LayerSnapshot first;
  first.activation = "relu";
  first.topology = {3, 3, {0, 2, 2, 4}, {0, 2, 1, 2}, 5};
  first.values = {0.5F, -0.25F, 1e-30F, -0.0F};
  first.value_states = {{1, 2, 3, 4}};
  first.biases = {0.1F, 0.2F, 0.3F};
  first.bias_states = {{-1, -2, -3}};
  first.row_ids = {0, 2, 3};
  first.col_ids = {0, 1, 2};
  first.original_rows = 4;
  first.original_cols = 3;
  first.gradient_exponent = 40;

  LayerSnapshot second;
  second.activation = "all_relu";
  second.topology = {2, 3, {0, 1, 3}, {1, 0, 2}, 6};
  second.values = {static_cast<float>(epoch), 2, static_cast<float>(step)};
  second.value_states = {{5, 6, 7}, {8, 9, 10}};
  second.biases = {0.5F, 0.25F};
  second.bias_states = {{1, 2}, {3, 4}};
  second.row_ids = {1, 3};
  second.col_ids = {0, 2, 3};
  second.original_rows = 4;
  second.original_cols = 4;
  second.gradient_exponent = -3;

  LayerSnapshot third;
  third.kind = LayerKind::dense;
  third.activation = "linear";
  third.topology.rows = 2;
  third.topology.cols = 2;
  third.topology.generation = 2;
  third.values = {1, 2, 3, 4};
  third.value_states = {{4, 3, 2, 1}};
  third.biases = {0, 1};
  third.bias_states = {{2, 2}};
  third.row_ids = {0, 1};
  third.col_ids = {1, 3};
  third.original_rows = 2;
  third.original_cols = 4;

  snapshot.layers = {first, second, third};
  for (std::int64_t e = 1; e <= epoch; ++e) snapshot.history.push_back(metrics_of(e));
  snapshot.fingerprint = fingerprint(snapshot);
  return snapshot;
}

/// A network without weights worth mentioning whose topology evolves at random, kept as plain sets of cells
/// in stable ids: the slow reference for the topology history.
class EvolvingNetwork {
 public:
  using Cell = std::pair<NeuronId, NeuronId>;

  /// @param sizes  neurons per layer, inputs first.
  explicit EvolvingNetwork(std::vector<Index> sizes) : sizes_(std::move(sizes)) {
    for (const Index size : sizes_) {
      alive_.emplace_back();
      for (Index id = 0; id < size; ++id) alive_.back().insert(id);
    }
    for (std::size_t layer = 0; layer + 1 < sizes_.size(); ++layer) {
      cells_.emplace_back();
      for (const Cell& cell : absent(layer)) {
        if (draw(3) == 0) cells_[layer].insert(cell);
      }
    }
  }

  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  [[nodiscard]] std::size_t layers() const { return cells_.size(); }

  /// Goes on to the next epoch: drops a quarter of the connections, removes one hidden neuron now and then
  /// with all its connections, and adds some.
  TopologyRecord evolve(bool with_base) {
    ++epoch_;
    std::vector<std::vector<NeuronId>> pruned(layers());
    for (std::size_t layer = 0; layer + 1 < layers(); ++layer) {
      std::set<NeuronId>& neurons = alive_[layer + 1];
      if (neurons.size() > 2 && draw(2) == 0) {
        pruned[layer].push_back(
            *std::next(neurons.begin(), static_cast<std::ptrdiff_t>(draw(neurons.size()))));
        neurons.erase(pruned[layer].front());
      }
    }
    TopologyRecord record{epoch_, {}};
    for (std::size_t layer = 0; layer < layers(); ++layer) {
      LayerHistory history;
      std::set<Cell> kept;
      Offset position = 0;
      for (const Cell& cell : cells_[layer]) {
        const bool survives = alive_[layer + 1].contains(cell.first) && alive_[layer].contains(cell.second);
        if (survives && draw(4) != 0) {
          kept.insert(cell);
        } else {
          history.dropped.push_back(position);
        }
        ++position;
      }
      cells_[layer] = kept;
      for (const Cell& cell : absent(layer)) {
        if (draw(6) != 0) continue;
        cells_[layer].insert(cell);
        history.added_rows.push_back(cell.first);
        history.added_cols.push_back(cell.second);
      }
      history.pruned_rows = pruned[layer];
      record.layers.push_back(finished(history, layer, with_base));
    }
    return record;
  }

  /// The record of epoch 0.
  [[nodiscard]] TopologyRecord first_record() const {
    TopologyRecord record{epoch_, {}};
    for (std::size_t layer = 0; layer < layers(); ++layer) record.layers.push_back(finished({}, layer, true));
    return record;
  }

  /// The pattern in stable ids.
  [[nodiscard]] Topology pattern(std::size_t layer) const {
    Topology t;
    t.rows = sizes_[layer + 1];
    t.cols = sizes_[layer];
    t.row_ptrs.assign(static_cast<std::size_t>(t.rows) + 1, 0);
    for (const auto& [row, col] : cells_[layer]) {
      for (auto after = static_cast<std::size_t>(row) + 1; after < t.row_ptrs.size(); ++after)
        ++t.row_ptrs[after];
      t.col_idxs.push_back(static_cast<Index>(col));
    }
    return t;
  }

  /// The network as a checkpoint holds it: compact numbers. A weight tells its stable ids: 1000 row + col.
  [[nodiscard]] ModelSnapshot snapshot(std::int64_t step = 0) const {
    ModelSnapshot snapshot;
    snapshot.config_text = "seed = 1\n";
    snapshot.data_name = "none";
    snapshot.instruction_set = "baseline";
    snapshot.position.epoch = epoch_;
    snapshot.position.step = step;
    for (std::size_t i = 0; i < layers(); ++i) {
      LayerSnapshot layer;
      layer.activation = "relu";
      layer.row_ids.assign(alive_[i + 1].begin(), alive_[i + 1].end());
      layer.col_ids.assign(alive_[i].begin(), alive_[i].end());
      layer.original_rows = sizes_[i + 1];
      layer.original_cols = sizes_[i];
      layer.topology.rows = static_cast<Index>(layer.row_ids.size());
      layer.topology.cols = static_cast<Index>(layer.col_ids.size());
      for (const NeuronId row : layer.row_ids) {
        for (std::size_t col = 0; col < layer.col_ids.size(); ++col) {
          if (!cells_[i].contains({row, layer.col_ids[col]})) continue;
          layer.topology.col_idxs.push_back(static_cast<Index>(col));
          layer.values.push_back(static_cast<Real>(1000 * row + layer.col_ids[col]));
        }
        layer.topology.row_ptrs.push_back(layer.topology.connections());
      }
      layer.biases.assign(layer.row_ids.size(), 0);
      snapshot.layers.push_back(layer);
    }
    for (std::int64_t e = 1; e <= epoch_; ++e) snapshot.history.push_back(metrics_of(e));
    snapshot.fingerprint = fingerprint(snapshot);
    return snapshot;
  }

 private:
  std::uint64_t draw(std::uint64_t below) { return mix64(++draws_) % below; }

  [[nodiscard]] std::vector<Cell> absent(std::size_t layer) const {
    std::vector<Cell> cells;
    for (const NeuronId row : alive_[layer + 1]) {
      for (const NeuronId col : alive_[layer]) {
        if (!cells_[layer].contains({row, col})) cells.emplace_back(row, col);
      }
    }
    return cells;
  }

  [[nodiscard]] LayerHistory finished(LayerHistory history, std::size_t layer, bool with_base) const {
    const Topology all = pattern(layer);
    history.original_rows = all.rows;
    history.original_cols = all.cols;
    history.connections = all.connections();
    history.pattern_hash = pattern_hash(all);
    if (with_base) history.base = all;
    return history;
  }

  std::vector<Index> sizes_;
  std::vector<std::set<NeuronId>> alive_;  // per layer, inputs first
  std::vector<std::set<Cell>> cells_;      // per layer
  std::int64_t epoch_ = 0;
  std::uint64_t draws_ = 0;
};

}  // namespace plexus
