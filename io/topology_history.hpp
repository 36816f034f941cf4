#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "io/hdf5_file.hpp"
#include "io/run_files.hpp"
#include "src/sparse/topology.hpp"
#include "src/state/run_sink.hpp"

namespace plexus {

/// Writes what one rewiring did into the run's folder `topo`. Each layer is given the epoch of its newest
/// base, which is looked up in the record before, so records must be written in order.
/// @throws Fault naming the file and the reason.
void write_topology_record(const RunFiles& run, const TopologyRecord& record, std::string_view code_version);

/// The same for a record too large to be held: its layers are written one after the other. The file has a
/// temporary name until it is published, and is removed unless it is.
class TopologyRecordFile {
 public:
  /// @throws Fault naming the file and the reason, as the other members do.
  TopologyRecordFile(const RunFiles& run, std::int64_t epoch, std::string_view code_version);

  /// The next layer, from the first on.
  void add(const LayerHistory& layer);
  void publish();

 private:
  std::int64_t epoch_;
  std::vector<std::int64_t> bases_before_;
  std::size_t layers_ = 0;  ///< written so far
  hdf5::StagedFile file_;
};

/// Reads one record. The generation of a base is 0: nothing edits it.
/// @throws InputError naming the file and what is damaged.
[[nodiscard]] TopologyRecord read_topology_record(const std::filesystem::path& path);

/// The pattern of one layer after `epoch` in stable ids, replayed from the newest base at or before that
/// epoch. Every step is compared with its `pattern_hash`. Generation 0. Time O(connections) an epoch since
/// the base.
/// @throws InputError naming the epoch that is missing, damaged or does not fit, or for a dense layer.
[[nodiscard]] Topology topology_at(const RunFiles& run, std::size_t layer, std::int64_t epoch);

}  // namespace plexus
