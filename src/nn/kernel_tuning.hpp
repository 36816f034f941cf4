#pragma once

#include "src/support/types.hpp"

namespace plexus {

/// What decides between ways to compute the same thing, where it depends on the machine which one is faster.
/// Never changes a result: ranks may differ. The defaults are those of a Zen 3 core with 512 KiB of L2 cache.
struct KernelTuning {
  /// Bytes of slabs that stay in a core's own caches while a kernel passes over them at random.
  Offset cached_bytes = Offset{512} << 10;
  /// Bytes of a slab beyond which its lines are asked for long before they are needed.
  Offset near_bytes = Offset{4} << 20;
  /// Density from which on a sparse layer's weights are spread out and multiplied as a dense matrix; above 1:
  /// only where every cell is stored.
  double dense_density = 0.6;
  /// Connections that a row must have among neighbouring neurons whose values are about as many as the L1
  /// cache holds, for a product to go through the neurons tile by tile. Below 4: as if it were 4.
  Offset tile_run = 6;
  /// Connections of a layer up to which a map, 4 bytes each, tells the forward pass where the weights are; of
  /// larger ones it picks them column by column, for many rows at a time. Not measured.
  Offset mapped_connections = Offset{4} << 20;

  bool operator==(const KernelTuning&) const = default;
};

/// The tuning this process uses: the defaults until it is told otherwise.
[[nodiscard]] const KernelTuning& kernel_tuning();

/// To be called while no layer computes.
void use_kernel_tuning(const KernelTuning& tuning);

}  // namespace plexus
