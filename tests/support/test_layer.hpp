#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "src/rewire/layer_edit.hpp"
#include "src/rewire/layer_view.hpp"

namespace plexus {

/// A layer that owns what a `LayerView` points to, and that follows edits.
struct TestLayer {
  bool dense = false;
  Topology topology;  ///< dense: rows and cols only
  std::vector<Real> values;
  std::vector<NeuronId> row_ids;
  std::vector<NeuronId> col_ids;
  Offset original_rows = 0;
  Offset original_cols = 0;
  bool evolves = true;
  Index first_row = 0;
  Index rows_after = 0;

  /// A sparse layer as it is when the network is created.
  TestLayer(Topology pattern, std::vector<Real> weights)
      : topology(std::move(pattern)), values(std::move(weights)) {
    start();
  }
  /// A dense layer as it is when the network is created.
  TestLayer(Index rows, Index cols, std::vector<Real> weights) : dense(true), values(std::move(weights)) {
    topology.rows = rows;
    topology.cols = cols;
    start();
  }

  [[nodiscard]] LayerView view() const {
    return {topology.rows, topology.cols, dense ? nullptr : &topology,
            values,        row_ids,       col_ids,
            original_rows, original_cols, evolves,
            first_row,     rows_after};
  }

  void follow(const LayerEdit& edit) {
    if (dense) {
      std::vector<Real> kept;
      for (const auto row : without(numbers(topology.rows), edit.removed_rows)) {
        for (const auto col : without(numbers(topology.cols), edit.removed_cols)) {
          kept.push_back(values[row * topology.cols + col]);
        }
      }
      values = std::move(kept);
      topology.rows -= static_cast<Index>(edit.removed_rows.size());
      topology.cols -= static_cast<Index>(edit.removed_cols.size());
    } else {
      const CarriedArray carried{&values, Grown::value};
      topology = edited(topology, edit, {&carried, 1});
    }
    row_ids = without(row_ids, edit.removed_rows);
    col_ids = without(col_ids, edit.removed_cols);
  }

 private:
  static std::vector<NeuronId> numbers(Index count) {
    std::vector<NeuronId> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), NeuronId{0});
    return all;
  }
  void start() {
    row_ids = numbers(topology.rows);
    col_ids = numbers(topology.cols);
    original_rows = topology.rows;
    original_cols = topology.cols;
  }
};

inline std::vector<LayerView> views_of(const std::vector<TestLayer>& layers) {
  std::vector<LayerView> views;
  for (const TestLayer& layer : layers) views.push_back(layer.view());
  return views;
}

}  // namespace plexus
