#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "mpi/rank_parts.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/support/random_stream.hpp"
#include "tests/support/run_ranks.hpp"
#include "tests/support/test_layer.hpp"

namespace plexus {

/// The rows of a layer from `begin` to `end`, as a part holds them.
inline TestLayer slice_of(const TestLayer& layer, Index begin, Index end) {
  TestLayer slice = layer;
  const auto cut = [](auto& array, Offset from, Offset to) {
    array.erase(array.begin() + to, array.end());
    array.erase(array.begin(), array.begin() + from);
  };
  const bool dense = layer.dense;
  const Offset first = dense ? Offset{begin} * layer.topology.cols : layer.topology.row_ptrs[begin];
  const Offset last = dense ? Offset{end} * layer.topology.cols : layer.topology.row_ptrs[end];
  slice.first_row = begin;
  slice.rows_after = layer.topology.rows - end;
  slice.topology.rows = end - begin;
  cut(slice.values, first, last);
  cut(slice.row_ids, begin, end);
  if (dense) return slice;
  cut(slice.topology.col_idxs, first, last);
  cut(slice.topology.row_ptrs, begin, end + 1);
  for (Offset& ptr : slice.topology.row_ptrs) ptr -= first;
  return slice;
}

/// Random cuts of the rows of each layer: parts + 1 numbers. Some slices are empty.
inline std::vector<std::vector<Index>> random_cuts(const std::vector<TestLayer>& layers, int parts,
                                                   std::uint64_t seed) {
  const RandomStream stream(seed, Purpose::subset);
  std::vector<std::vector<Index>> cuts;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Index rows = layers[l].topology.rows;
    cuts.push_back({0});
    for (int part = 1; part < parts; ++part) {
      const double place = stream.uniform(l, static_cast<std::uint64_t>(part));
      const bool empty = stream.uniform(l, static_cast<std::uint64_t>(part + parts)) < 0.25;
      cuts.back().push_back(empty ? cuts.back().back() : static_cast<Index>(place * rows));
    }
    std::sort(cuts.back().begin(), cuts.back().end());
    cuts.back().push_back(rows);
  }
  return cuts;
}

/// The slices of one part.
inline std::vector<TestLayer> slices_of(const std::vector<TestLayer>& layers,
                                        const std::vector<std::vector<Index>>& cuts, int part) {
  std::vector<TestLayer> slices;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto p = static_cast<std::size_t>(part);
    slices.push_back(slice_of(layers[l], cuts[l][p], cuts[l][p + 1]));
  }
  return slices;
}

/// What f(slices, parts) returns on each of several parts, which are threads.
template <class Result, class F>
std::vector<Result> on_parts(const std::vector<TestLayer>& layers,
                             const std::vector<std::vector<Index>>& cuts, F&& f) {
  const auto parts = static_cast<int>(cuts.front().size()) - 1;
  std::vector<Result> results(static_cast<std::size_t>(parts));
  run_ranks(parts, [&](DistributedContext& ctx) {
    const std::vector<TestLayer> slices = slices_of(layers, cuts, ctx.rank());
    RankParts rank_parts(ctx);
    results[static_cast<std::size_t>(ctx.rank())] = f(slices, static_cast<LayerParts&>(rank_parts));
  });
  return results;
}

/// The edit of a whole layer from those of its slices.
/// @param cuts  of the rows before the edits
inline LayerEdit put_together(const std::vector<LayerEdit>& edits, const TestLayer& layer,
                              const std::vector<Index>& cuts) {
  LayerEdit whole = edits.front();
  whole.removed_rows.clear();
  whole.dropped.clear();
  whole.grown.clear();
  for (std::size_t part = 0; part < edits.size(); ++part) {
    const LayerEdit& edit = edits[part];
    EXPECT_EQ(edit.generation, whole.generation);
    EXPECT_EQ(edit.removed_cols, whole.removed_cols);
    const Index first_after = cuts[part] - static_cast<Index>(whole.removed_rows.size());
    for (const GrownConnection& g : edit.grown) {
      whole.grown.push_back({g.row + first_after, g.col, g.value});
    }
    for (const Index row : edit.removed_rows) whole.removed_rows.push_back(row + cuts[part]);
    for (const Offset position : edit.dropped) {
      whole.dropped.push_back(position + layer.topology.row_ptrs[cuts[part]]);
    }
  }
  return whole;
}

}  // namespace plexus
