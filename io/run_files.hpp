#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "src/state/model_snapshot.hpp"

namespace plexus {

/// Receives a sentence for the user about something that went wrong and does not end the run.
using Warn = std::function<void(const std::string&)>;

/// Names of what a run leaves in its directory.
struct RunFiles {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path index() const { return root / "run.h5"; }
  [[nodiscard]] std::filesystem::path checkpoints() const { return root / "ckpt"; }
  [[nodiscard]] std::filesystem::path topologies() const { return root / "topo"; }
  [[nodiscard]] std::filesystem::path topology(std::int64_t epoch) const;
  [[nodiscard]] std::filesystem::path metrics_log() const { return root / "metrics.jsonl"; }
  [[nodiscard]] std::filesystem::path summary() const { return root / "summary.json"; }
  [[nodiscard]] std::filesystem::path lock() const { return root / ".lock"; }
};

/// A checkpoint file, known by its name only. Ordered by training position.
struct CheckpointFile {
  std::int64_t epoch = 0;
  std::int64_t step = 0;  ///< 0 = at the epoch boundary

  /// "000123" or "000123.s000045".
  [[nodiscard]] std::string name() const;
  /// "e000123.h5" or "e000123.s000045.h5".
  [[nodiscard]] std::string file_name() const { return "e" + name() + ".h5"; }
  auto operator<=>(const CheckpointFile&) const = default;
};

[[nodiscard]] CheckpointFile checkpoint_file_of(const TrainingPosition& position);

/// The checkpoints of a run, newest first. Empty when the folder does not exist.
[[nodiscard]] std::vector<CheckpointFile> checkpoints_in(const RunFiles& run);

/// The epochs with a topology record, ascending.
[[nodiscard]] std::vector<std::int64_t> topology_epochs_in(const RunFiles& run);

/// "000123".
[[nodiscard]] std::string epoch_name(std::int64_t epoch);

/// "002": the group of a layer in any file.
[[nodiscard]] std::string layer_name(std::size_t layer);

}  // namespace plexus
