#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "io/run_files.hpp"
#include "io/run_index.hpp"
#include "src/state/run_sink.hpp"

namespace plexus {

/// Writes checkpoints, topology records and the index of a run. One background thread does it, in order, and
/// is the only one to touch HDF5 while the object lives. Handing something over copies it; when two
/// checkpoints are not yet on disk, the next one waits.
///
/// A write that fails (full disk, I/O error) becomes one warning. The next checkpoint tries again; topology
/// records are kept and tried again first, because a history with a hole cannot be replayed.
class RunWriter final : public RunSink {
 public:
  /// @param run   directory of the run; folders `ckpt` and `topo` are created. It must be this process's
  /// alone.
  /// @param keep  newest checkpoints to keep; 0 = all.
  /// @param warn  called on the background thread.
  /// @throws InputError if the folders cannot be created.
  RunWriter(RunFiles run, std::int64_t keep, std::string code_version, Warn warn);
  ~RunWriter() override;
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;

  void record(const TopologyRecord& record) override;
  void checkpoint(const ModelSnapshot& snapshot) override;
  bool finish() override;

 private:
  using Job = std::variant<TopologyRecord, ModelSnapshot>;

  void work();
  void carry_out(const Job& job);
  void write(const TopologyRecord& record);
  void write(const ModelSnapshot& snapshot);
  void write_unwritten_records();
  void refresh_index();

  // Touched by the background thread only, once it runs.
  const RunFiles run_;
  const std::int64_t keep_;
  const std::string code_version_;
  const Warn warn_;
  std::optional<RunIndex> index_;         // of the newest checkpoint, or of the run this one continues
  std::vector<CheckpointFile> kept_;      // checkpoints that the index links to
  std::deque<TopologyRecord> unwritten_;  // records whose write failed
  bool is_index_stale_ = false;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> queue_;  // the first one is being carried out
  int pending_checkpoints_ = 0;
  bool is_newest_written_ = true;
  bool is_closing_ = false;

  std::thread thread_;  // last: starts when all else is there
};

}  // namespace plexus
