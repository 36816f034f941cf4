#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "mpi/distributed_context.hpp"
#include "src/state/slice_files.hpp"
#include "src/state/snapshot_head.hpp"

namespace plexus {

/// Collective over the parts of one copy of a network, rank 0 with the first rows, or over one rank that
/// holds it whole. Writes a checkpoint: every part its slices, one layer after the other. A part that cannot
/// write stops no other; rank 0 then warns, and there is no file.
/// @param files     on rank 0; elsewhere unused
/// @param writer    of this rank
/// @param head      the same on all ranks, without fingerprint
/// @param slice_of  may communicate; called once for each layer, in order. What it returns stays until the
///                  next call: rows numbered from 0, columns and col_ids of the whole layer.
/// @return the fingerprint of the network, on all ranks, written or not
std::uint64_t write_slices(DistributedContext& parts, SliceFiles* files, SliceWriter& writer,
                           const SnapshotHead& head,
                           const std::function<const LayerSnapshot&(std::size_t layer)>& slice_of);

/// Reads the slices of a checkpoint, one layer after the other, and checks that those of all parts together
/// have its fingerprint.
class SliceReading {
 public:
  /// Independent.
  /// @param ranks  all that read: a failure of one is a failure of all
  /// @param parts  those that read one copy between them: each the slices that it holds, all rows together
  SliceReading(DistributedContext& ranks, DistributedContext& parts, const SnapshotHead& head)
      : ranks_(ranks), parts_(parts), head_(head) {}

  /// Collective over `ranks`. The next layer's slice, which `read` gets; it does not communicate.
  /// @throws RanksFailed if `read` throws on any rank
  [[nodiscard]] LayerSnapshot next(const std::function<LayerSnapshot(std::size_t layer)>& read);

  /// Collective over `ranks`; after the last layer.
  /// @throws RanksFailed if the fingerprint is another
  void check();

 private:
  DistributedContext& ranks_;
  DistributedContext& parts_;
  const SnapshotHead& head_;
  std::vector<std::int64_t> fingerprints_;  ///< of the slices read so far
};

}  // namespace plexus
