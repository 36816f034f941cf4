#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "io/run_files.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

/// Writes a checkpoint to `path` (layout: io/README.md). The file appears complete or not at all.
/// @throws Fault naming the file and the reason. That includes a snapshot whose stored fingerprint is not its
/// own:
///         such a file could never be read again.
void write_checkpoint(const std::filesystem::path& path, const ModelSnapshot& snapshot,
                      std::string_view code_version);

/// Reads a checkpoint and checks all of it: hashes, topologies, sizes that fit together, fingerprint.
/// @throws InputError naming the file and what is damaged or too new.
[[nodiscard]] ModelSnapshot read_checkpoint(const std::filesystem::path& path);

/// The newest readable checkpoint of a run. Files that cannot be read are passed over, each with a warning
/// that names it, the reason and the file used instead.
/// @return nothing when the run has no checkpoint. @throws InputError when it has some and none can be read.
[[nodiscard]] std::optional<ModelSnapshot> load_newest(const RunFiles& run, const Warn& warn);

/// For `--resume PATH`: a checkpoint file, or a run directory, of which the newest readable checkpoint is
/// taken.
/// @throws InputError if there is none.
[[nodiscard]] ModelSnapshot load_checkpoint(const std::filesystem::path& path, const Warn& warn);

}  // namespace plexus
