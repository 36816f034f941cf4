#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "src/state/model_snapshot.hpp"

namespace plexus {

/// What a checkpoint holds of a layer beside its arrays, and how long these are.
struct LayerHead {
  LayerKind kind = LayerKind::sparse;
  std::string activation;
  Index rows = 0;
  Index cols = 0;
  Offset connections = 0;  ///< dense: rows x cols
  std::uint64_t generation = 0;
  Offset original_rows = 0;
  Offset original_cols = 0;
  int gradient_exponent = 0;
  std::size_t value_states = 0;  ///< how many arrays
  std::size_t bias_states = 0;
  bool operator==(const LayerHead&) const = default;
};

/// A snapshot without the arrays of its layers: what all parts of a network know of it.
struct SnapshotHead {
  ModelSnapshot rest;  ///< without layers
  std::vector<LayerHead> layers;
  bool operator==(const SnapshotHead&) const = default;
};

/// The head of a whole layer. Of a slice it has the slice's rows, connections and kind.
[[nodiscard]] LayerHead head_of(const LayerSnapshot& layer);

}  // namespace plexus
