#pragma once

#include <vector>

#include "mpi/distributed_context.hpp"
#include "src/plan/machine_speed.hpp"

namespace plexus {

/// How fast the ranks of a context talk to each other, and what that was found from.
struct MeasuredNetwork {
  NetworkSpeed speed;
  double barrier = 0;    ///< seconds
  double short_sum = 0;  ///< seconds for a sum of one value
};

/// Collective. Typical times of several turns, half a second and more in all: a barrier, a sum of one value,
/// sums of 320 KiB to 20 MiB through the queue that gradients take, some once more while the ranks compute,
/// messages to the next rank, and the largest of a few values. The times of the slowest rank count.
/// @param ctx  two ranks or more
[[nodiscard]] MeasuredNetwork measured_network(DistributedContext& ctx);

/// Collective. Whether the ranks sum in memory that they share; one rank always does.
[[nodiscard]] bool share_memory(DistributedContext& ctx);
}  // namespace plexus
