#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

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

/// A layer of a checkpoint whose head has been read (`read_checkpoint_head`), as `read_checkpoint` has it.
/// The fingerprint is for the caller to compare.
/// @throws InputError naming the file and what is damaged.
[[nodiscard]] LayerSnapshot read_checkpoint_layer(const std::filesystem::path& path, std::size_t layer);

}  // namespace plexus
