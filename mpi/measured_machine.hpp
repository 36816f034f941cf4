#pragma once

#include <vector>

#include "mpi/distributed_context.hpp"
#include "mpi/measured_network.hpp"
#include "src/plan/machine_speed.hpp"
#include "src/plan/measured_kernel_speed.hpp"

namespace plexus {

/// How fast the ranks of a context compute and talk to each other.
struct MeasuredMachine {
  KernelSpeed kernels;      ///< of one rank while all compute; each figure is that of the slowest
  MeasuredNetwork network;  ///< nothing where there is one rank
};

/// Collective. Kernels and network in turns, once for `Effort::quick`, else five times: medians, as machines
/// that others use too are faster one second and slower the next.
[[nodiscard]] MeasuredMachine measured_machine(DistributedContext& ctx, Effort effort);

/// Median of each figure. @param turns  at least one, all with the same curves at the same sizes
[[nodiscard]] MeasuredMachine typical(std::vector<MeasuredMachine> turns);

/// Collective. Each figure is that of the rank where it takes longest.
[[nodiscard]] KernelSpeed slowest(DistributedContext& ctx, const KernelSpeed& own);

}  // namespace plexus
