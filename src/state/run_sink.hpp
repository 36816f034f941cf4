#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

/// What one rewiring did to one layer, in stable neuron ids, so that it can be read without our code.
struct LayerHistory {
  Offset original_rows = 0;
  Offset original_cols = 0;
  std::vector<Offset> dropped;  ///< positions among the previous epoch's connections, sorted by (row, col) id
  std::vector<NeuronId> added_rows;  ///< with added_cols, sorted by (row, col)
  std::vector<NeuronId> added_cols;
  std::vector<NeuronId> pruned_rows;  ///< neurons of this layer that were removed
  Offset connections = 0;             ///< after the edit
  std::uint64_t pattern_hash = 0;     ///< of the connections after the edit: see `pattern_hash`
  std::optional<Topology> base;       ///< the whole pattern after the edit in stable ids, where a base is due
  bool operator==(const LayerHistory&) const = default;
};

/// What one rewiring did to the network. Epoch 0 is the first topology: a base without edits.
struct TopologyRecord {
  std::int64_t epoch = 0;
  std::vector<LayerHistory> layers;
};

/// The part of a `TopologyRecord` that tells of one layer.
struct LayerRecord {
  std::int64_t epoch = 0;
  std::size_t layer = 0;
  std::size_t layers = 0;  ///< that the network has
  LayerHistory history;
};

/// Order-free hash of a pattern given in stable ids: the sum over connections of mix64(row, col).
[[nodiscard]] std::uint64_t pattern_hash(const Topology& in_stable_ids);

/// The same of a pattern whose rows and columns have these stable ids.
[[nodiscard]] std::uint64_t pattern_hash(const Topology& pattern, std::span<const NeuronId> row_ids,
                                         std::span<const NeuronId> col_ids);

/// Takes what a run leaves behind. Implemented by `io`, called on rank 0 only. Calls return soon: the work
/// may be done later by another thread, in order. They wait where too much would be left waiting in memory. A
/// failure to write is reported as a warning and never ends training.
class RunSink {
 public:
  virtual ~RunSink() = default;
  /// All layers of an epoch, first to last, before anything else.
  virtual void record(LayerRecord record) = 0;
  virtual void checkpoint(ModelSnapshot snapshot) = 0;
  /// Waits until everything handed over is on disk. @return false if the newest checkpoint could not be
  /// written.
  virtual bool finish() = 0;
};

}  // namespace plexus
