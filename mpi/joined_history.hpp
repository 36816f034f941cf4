#pragma once

#include <optional>

#include "mpi/distributed_context.hpp"
#include "src/state/run_sink.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Collective. Puts together what a rewiring did to the slices of a layer that the ranks hold, rank 0 the
/// first rows.
/// @param own                 of this rank's slice; positions are those of the slice
/// @param connections_before  of this rank's slice, before the edit
/// @return that of the layer, on rank 0
[[nodiscard]] std::optional<LayerHistory> joined_history(DistributedContext& ctx, LayerHistory own,
                                                         Offset connections_before);

}  // namespace plexus
