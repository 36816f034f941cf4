#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/run_files.hpp"
#include "src/state/model_snapshot.hpp"
#include "src/support/error.hpp"

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

/// What `read(path)` makes of the newest checkpoint of a run for which it does not throw `InputError`. Others
/// are passed over as `load_newest` does.
template <class Read>
[[nodiscard]] auto newest_readable(const RunFiles& run, const Read& read, const Warn& warn)
    -> std::optional<std::invoke_result_t<Read, const std::filesystem::path&>> {
  const std::vector<CheckpointFile> files = checkpoints_in(run);
  std::vector<std::string> problems;
  for (const auto& file : files) {
    const std::filesystem::path path = run.checkpoints() / file.file_name();
    try {
      auto found = read(path);
      for (const auto& problem : problems) warn(fmt::format("{}; using '{}'", problem, path.string()));
      return found;
    } catch (const InputError& error) {
      problems.emplace_back(error.what());
    }
  }
  require(
      files.empty(),
      "none of the {} checkpoints in '{}' can be read (the newest: {}). Choose another --out to start again.",
      files.size(), run.checkpoints().string(), problems.empty() ? "" : problems.front());
  return std::nullopt;
}

/// What was found in the run directory `path`, which a user named. @throws InputError if that is nothing.
template <class T>
[[nodiscard]] T newest_of_named(const std::filesystem::path& path, std::optional<T> newest) {
  require(newest.has_value(),
          "'{}' has no checkpoint in its folder ckpt. Name a run directory or a checkpoint file.",
          path.string());
  return std::move(*newest);
}

/// The newest readable checkpoint of a run. Files that cannot be read are passed over, each with a warning
/// that names it, the reason and the file used instead.
/// @return nothing when the run has no checkpoint. @throws InputError when it has some and none can be read.
[[nodiscard]] std::optional<ModelSnapshot> load_newest(const RunFiles& run, const Warn& warn);

/// For `--resume PATH`: a checkpoint file, or a run directory, of which the newest readable checkpoint is
/// taken.
/// @throws InputError if there is none.
[[nodiscard]] ModelSnapshot load_checkpoint(const std::filesystem::path& path, const Warn& warn);

}  // namespace plexus
