#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/run_files.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

/// Which run a directory belongs to.
struct RunIdentity {
  std::string config_text;  ///< resolved config, TOML
  std::string data_name;
  std::uint64_t data_identity = 0;
  bool operator==(const RunIdentity&) const = default;
};

/// What `run.h5` says itself; the rest of it are links.
struct RunIndex {
  RunIdentity identity;
  std::vector<EpochMetrics> history;
  bool operator==(const RunIndex&) const = default;
};

/// Replaces `run.h5`: config, data identity, metrics, and external links `epochs/NAME` to each of
/// `checkpoints` and `topology/EPOCH` to each topology record that exists. Links are relative, so a run
/// directory can be moved.
/// @throws Fault naming the file and the reason.
void write_run_index(const RunFiles& run, const RunIndex& index,
                     const std::vector<CheckpointFile>& checkpoints, std::string_view code_version);

/// @throws InputError if `run.h5` is missing or damaged.
[[nodiscard]] RunIndex read_run_index(const RunFiles& run);

}  // namespace plexus
