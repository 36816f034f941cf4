#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "mpi/distributed_context.hpp"
#include "src/state/slice_files.hpp"
#include "src/state/snapshot_head.hpp"

namespace plexus {

/// Collective over the parts of one copy of a network, rank 0 with the first rows. Writes a checkpoint: every
/// part its slices, one layer after the other. A part that cannot write stops no other; rank 0 then warns,
/// and there is no file.
/// @param files     on rank 0; elsewhere unused
/// @param writer    of this rank
/// @param head      the same on all ranks, without fingerprint
/// @param slice_of  may communicate; called once for each layer, in order. The slice has rows numbered from
/// 0,
///                  columns and col_ids of the whole layer.
/// @return the fingerprint of the network, on all ranks, written or not
std::uint64_t write_slices(DistributedContext& parts, SliceFiles* files, SliceWriter& writer,
                           const SnapshotHead& head,
                           const std::function<LayerSnapshot(std::size_t layer)>& slice_of);

/// Rows [first, second) of a layer.
using RowBounds = std::pair<Index, Index>;

/// Collective over the parts of one copy of a network. Reads this part's slices of a checkpoint and checks
/// that those of all parts have its fingerprint.
/// @param rows  of this part by layer; the parts share out all rows
/// @param read  reads a slice; independent
/// @throws RanksFailed if a part cannot read, or the fingerprint is another
[[nodiscard]] std::vector<LayerSnapshot> read_slices(
    DistributedContext& parts, const SnapshotHead& head, const std::vector<RowBounds>& rows,
    const std::function<LayerSnapshot(std::size_t layer, Index begin, Index end)>& read);

}  // namespace plexus
