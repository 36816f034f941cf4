#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/run_files.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

/// `metrics.jsonl`: one JSON object per epoch and line, with the names of `EpochMetrics`; times stand in an
/// object "seconds". Numbers that are not finite become null.
class MetricsLog {
 public:
  /// Touches no file yet.
  MetricsLog(std::filesystem::path path, Warn warn);

  /// Adds a line and hands it to the system at once. A line that cannot be written (full disk) is a warning;
  /// it is kept and written with the next one.
  void append(const EpochMetrics& metrics);

  /// Replaces the file by `history`: at a resume, what was logged beyond the checkpoint goes away.
  /// @throws Fault naming the file and the reason.
  void rewrite(const std::vector<EpochMetrics>& history);

 private:
  std::filesystem::path path_;
  Warn warn_;
  std::string unwritten_;
};

/// The line of one epoch, without line end.
[[nodiscard]] std::string metrics_line(const EpochMetrics& metrics);

}  // namespace plexus
