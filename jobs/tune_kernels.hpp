#pragma once

#include "io/tuning_file.hpp"
#include "mpi/distributed_context.hpp"

namespace plexus {

/// Collective. Each rank computes from now on as is fastest on its machine; no result depends on it. Measures
/// at the first start on a kind of machine.
FoundTuning tune_kernels(DistributedContext& ctx);

}  // namespace plexus
