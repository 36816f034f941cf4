#pragma once

#include <cstddef>
#include <memory>

#include "mpi/distributed_context.hpp"
#include "mpi/shared_sums.hpp"

namespace plexus {

/// Collective. Memory that all ranks of `ctx` see; each rank takes the pages of its region. It has no name
/// any more when this returns, so that it goes with the processes, however they end.
/// @return nullptr on all ranks where that cannot be had: ranks on several machines or in separate
/// containers, or too little room in /dev/shm.
[[nodiscard]] std::unique_ptr<SharedRegions> map_shared_regions(DistributedContext& ctx,
                                                                std::size_t bytes_per_rank);

}  // namespace plexus
