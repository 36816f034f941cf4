#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "io/checkpoint_slices.hpp"
#include "io/run_files.hpp"
#include "io/run_index.hpp"
#include "io/topology_history.hpp"
#include "src/state/run_sink.hpp"
#include "src/state/slice_files.hpp"
#include "src/support/function_ref.hpp"

namespace plexus {

/// Writes checkpoints, topology records and the index of a run. One background thread does it, in order, and
/// is the only one to touch HDF5 while the object lives, but for `begin_slices`, which waits until it rests.
/// What is handed over is moved; when two checkpoints are not yet on disk, the next one waits, and so do
/// topology records while `most_record_bytes` of them wait. A record larger than that is written layer by
/// layer as they come, and never held.
///
/// A write that fails (full disk, I/O error) becomes one warning. The next checkpoint tries again; topology
/// records are kept, up to `most_record_bytes` of them, and tried again first, because a history with a hole
/// cannot be replayed.
class RunWriter final : public RunSink, public SliceFiles {
 public:
  struct Waiting {
    std::size_t most_record_bytes = std::size_t{256} << 20;  ///< more only for a single layer's record
    /// Called about once a second on a thread that waits for the background thread, while that gets on.
    std::function<void()> alive = [] {};
  };

  /// @param run   directory of the run; folders `ckpt` and `topo` are created. It must be this process's
  /// alone.
  /// @param keep  newest checkpoints to keep; 0 = all.
  /// @param warn  called on the background thread.
  /// @throws InputError if the folders cannot be created.
  RunWriter(RunFiles run, std::int64_t keep, std::string code_version, Warn warn, Waiting waiting);
  RunWriter(RunFiles run, std::int64_t keep, std::string code_version, Warn warn)
      : RunWriter(std::move(run), keep, std::move(code_version), std::move(warn), Waiting()) {}
  ~RunWriter() override;
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;

  void record(LayerRecord record) override;
  void checkpoint(ModelSnapshot snapshot) override;
  bool finish() override;

  SliceFilePlan begin_slices(const SnapshotHead& head) override;
  void complete_slices(std::uint64_t fingerprint, std::vector<WrittenPiece> pieces) override;
  void abandon_slices(const std::string& problem) override;

 private:
  /// A checkpoint that all parts have written, to be checked and put in place.
  struct WrittenSlices {
    std::unique_ptr<SlicedCheckpoint> file;
    std::uint64_t fingerprint;
    std::vector<WrittenPiece> pieces;
  };
  struct WaitingLayer {
    LayerRecord record;
    std::size_t bytes;
  };
  using Job = std::variant<WaitingLayer, ModelSnapshot, WrittenSlices>;

  /// A record that is not yet, or could not be, written.
  struct KeptRecord {
    TopologyRecord record;
    std::size_t bytes = 0;
  };

  /// Waits until `done()`, which may take minutes.
  void wait(std::unique_lock<std::mutex>& lock, FunctionRef<bool()> done);
  void work();
  void carry_out(Job& job);
  void write(WaitingLayer& layer);
  void write(const ModelSnapshot& snapshot);
  void write(const WrittenSlices& slices);
  /// Has `put(path)` put a checkpoint in place, lets old ones go and renews the index.
  void write_checkpoint_of(const ModelSnapshot& snapshot,
                           const std::function<void(const std::filesystem::path&)>& put);
  void warn_of(const std::string& problem);
  void newest_is_written(bool written);
  /// The incoming record is too large to be held: writes what is there of it.
  void begin_large_record();
  void write_incoming_record();
  void keep_unwritten(KeptRecord record);
  void write_unwritten_records();
  void refresh_index();

  // Touched by the background thread only, once it runs.
  const RunFiles run_;
  const std::int64_t keep_;
  const std::string code_version_;
  const Warn warn_;
  const Waiting waiting_;
  std::optional<RunIndex> index_;     // of the newest checkpoint, or of the run this one continues
  std::vector<CheckpointFile> kept_;  // checkpoints that the index links to
  std::deque<KeptRecord> unwritten_;  // records whose write failed
  KeptRecord incoming_;               // the layers that have come so far, unless the record is large
  std::unique_ptr<TopologyRecordFile> large_record_;
  bool is_incoming_lost_ = false;
  bool is_index_stale_ = false;

  std::unique_ptr<SlicedCheckpoint> slices_;  // under way; touched by the calling thread only

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> queue_;  // the first one is being carried out
  int pending_checkpoints_ = 0;
  std::size_t waiting_bytes_ = 0;  // of layer records in the queue
  bool is_newest_written_ = true;
  bool is_closing_ = false;

  std::thread thread_;  // last: starts when all else is there
};

}  // namespace plexus
