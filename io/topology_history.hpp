#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "io/run_files.hpp"
#include "src/sparse/topology.hpp"
#include "src/state/run_sink.hpp"

namespace plexus {

/// Writes what one rewiring did into the run's folder `topo`. Each layer is given the epoch of its newest
/// base, which is looked up in the record before, so records must be written in order.
/// @throws Fault naming the file and the reason.
void write_topology_record(const RunFiles& run, const TopologyRecord& record, std::string_view code_version);

/// Reads one record. The generation of a base is 0: nothing edits it.
/// @throws InputError naming the file and what is damaged.
[[nodiscard]] TopologyRecord read_topology_record(const std::filesystem::path& path);

/// The pattern of one layer after `epoch` in stable ids, replayed from the newest base at or before that
/// epoch. Every step is compared with its `pattern_hash`. Generation 0. Time O(connections) an epoch since
/// the base.
/// @throws InputError naming the epoch that is missing, damaged or does not fit, or for a dense layer.
[[nodiscard]] Topology topology_at(const RunFiles& run, std::size_t layer, std::int64_t epoch);

}  // namespace plexus
