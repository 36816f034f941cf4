#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "src/state/model_snapshot.hpp"
#include "src/state/snapshot_head.hpp"

namespace plexus {

/// The result of a finished run; `summary.json`. Its presence says that the run is complete.
struct RunSummary {
  double test_accuracy = 0;       ///< of the last epoch
  double best_test_accuracy = 0;  ///< of any epoch
  std::int64_t epochs = 0;
  Offset connections = 0;  ///< of all layers
  std::vector<Offset> connections_per_layer;
  std::vector<Offset> alive_neurons;  ///< per layer, inputs first
  double pruned_share = 0;            ///< of the hidden neurons there were at first
  std::string fingerprint;            ///< 16 hex digits
  std::int64_t ranks = 0;
  std::int64_t threads = 0;
  double seconds_per_epoch = 0;  ///< median training time
  double seconds_rewire = 0;     ///< median
  std::int64_t peak_memory_bytes = 0;
  std::string exactness;
  std::string instruction_set;
  std::int64_t restarts = 0;
  std::string data_name;
  bool operator==(const RunSummary&) const = default;
};

/// What a snapshot tells of its run; `ranks`, `threads`, `peak_memory_bytes` and `exactness` are left to the
/// caller.
[[nodiscard]] RunSummary summary_of(const SnapshotHead& head);

/// Writes `summary.json` in one step. @throws Fault naming the file and the reason.
void write_summary(const std::filesystem::path& path, const RunSummary& summary);

/// @throws InputError naming the file and what is wrong with it.
[[nodiscard]] RunSummary read_summary(const std::filesystem::path& path);

}  // namespace plexus
