#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/nn/shard_magnitudes.hpp"
#include "src/sparse/slabs.hpp"
#include "src/state/dataset.hpp"

namespace plexus {

/// Samples of one rank's share of a step, transposed into slabs. The last slab may have lanes without a
/// sample.
struct Batch {
  Slabs inputs;
  ShardMagnitudes magnitudes;            ///< of the inputs
  std::vector<std::int64_t> sample_ids;  ///< lines x line_samples, by lane; those without a sample hold 0
  std::vector<std::int32_t> labels;      ///< one a sample

  [[nodiscard]] Offset samples() const { return static_cast<Offset>(labels.size()); }

  /// Takes the samples `ids` of `data`, in this order; keeps its memory.
  /// @param lines_per_slab  of the inputs, and so of all that the network makes of them
  /// @param features        the only ones that are wanted; the others are some finite values, and
  /// `magnitudes`
  ///                        does not count them. Without any: all.
  void gather(const Dataset& data, std::span<const std::int64_t> ids, Index lines_per_slab = slab_lines,
              std::span<const RowRange> features = {});
};

}  // namespace plexus
