#include "io/run_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include "io/checkpoint_file.hpp"
#include "io/durable_file.hpp"
#include "io/file_progress.hpp"
#include "io/hdf5_handle.hpp"
#include "io/topology_history.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

constexpr int most_pending_checkpoints = 2;

/// Records kept in memory while the disk is full. Two bases lie within that many epochs.
constexpr std::size_t most_unwritten_records = 100;

template <class T>
std::size_t bytes_in(const std::vector<T>& array) {
  return sizeof(T) * array.size();
}

std::size_t bytes_of(const LayerHistory& layer) {
  std::size_t bytes = bytes_in(layer.dropped) + bytes_in(layer.added_rows) + bytes_in(layer.added_cols) +
                      bytes_in(layer.pruned_rows);
  if (layer.base) bytes += bytes_in(layer.base->row_ptrs) + bytes_in(layer.base->col_idxs);
  return bytes;
}

}  // namespace

RunWriter::RunWriter(RunFiles run, std::int64_t keep, std::string code_version, Warn warn, Waiting waiting)
    : run_(std::move(run)),
      keep_(keep),
      code_version_(std::move(code_version)),
      warn_(std::move(warn)),
      waiting_(std::move(waiting)) {
  hdf5::prepare_library();
  for (const auto& folder : {run_.checkpoints(), run_.topologies()}) {
    std::error_code error;
    fs::create_directories(folder, error);
    require(!error, "cannot create directory '{}': {}. Choose another --out.", folder.string(),
            error.message());
    remove_stale_temporaries(folder);
  }
  if (fs::exists(run_.index())) {
    try {
      index_ = read_run_index(run_);
    } catch (const InputError& error) {
      warn_(fmt::format("{}; the next checkpoint makes it anew", error.what()));
    }
  }
  kept_ = checkpoints_in(run_);
  thread_ = std::thread([this] { work(); });
}

RunWriter::~RunWriter() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void RunWriter::record(LayerRecord record) {
  const std::size_t bytes = bytes_of(record.history);
  std::unique_lock lock(mutex_);
  wait(lock, [&] { return waiting_bytes_ == 0 || waiting_bytes_ + bytes <= waiting_.most_record_bytes; });
  waiting_bytes_ += bytes;
  queue_.emplace_back(WaitingLayer{std::move(record), bytes});
  changed_.notify_all();
}

void RunWriter::checkpoint(ModelSnapshot snapshot) {
  std::unique_lock lock(mutex_);
  wait(lock, [this] { return pending_checkpoints_ < most_pending_checkpoints; });
  ++pending_checkpoints_;
  queue_.emplace_back(std::move(snapshot));
  changed_.notify_all();
}

SliceFilePlan RunWriter::begin_slices(const SnapshotHead& head) {
  finish();
  slices_ = std::make_unique<SlicedCheckpoint>(
      run_.checkpoints() / checkpoint_file_of(head.rest.position).file_name(), head, code_version_);
  return slices_->plan();
}

void RunWriter::complete_slices(std::uint64_t fingerprint, std::vector<WrittenPiece> pieces) {
  const std::lock_guard lock(mutex_);
  queue_.emplace_back(WrittenSlices{std::move(slices_), fingerprint, std::move(pieces)});
  changed_.notify_all();
}

void RunWriter::abandon_slices(const std::string& problem) {
  slices_.reset();
  newest_is_written(false);
  warn_of(problem);
}

bool RunWriter::finish() {
  std::unique_lock lock(mutex_);
  wait(lock, [this] { return queue_.empty(); });
  return is_newest_written_;
}

void RunWriter::wait(std::unique_lock<std::mutex>& lock, FunctionRef<bool()> done) {
  std::uint64_t pieces = file_pieces();
  while (!changed_.wait_for(lock, std::chrono::seconds(1), done)) {
    const std::uint64_t now = file_pieces();
    if (std::exchange(pieces, now) != now) waiting_.alive();
  }
}

void RunWriter::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !queue_.empty() || is_closing_; });
    if (queue_.empty()) return;
    Job& job = queue_.front();  // stays in place: only the back grows meanwhile
    const bool is_last = queue_.size() == 1;
    lock.unlock();
    carry_out(job);
    if (is_last && is_index_stale_) refresh_index();
    lock.lock();
    if (std::holds_alternative<ModelSnapshot>(job)) --pending_checkpoints_;
    if (const auto* layer = std::get_if<WaitingLayer>(&job)) waiting_bytes_ -= layer->bytes;
    queue_.pop_front();
    changed_.notify_all();
  }
}

void RunWriter::carry_out(Job& job) {
  try {
    std::visit([this](auto& content) { write(content); }, job);
  } catch (const std::exception& error) {
    warn_of(error.what());
  }
}

void RunWriter::warn_of(const std::string& problem) {
  warn_(fmt::format("{}. Training continues; the next checkpoint tries again.", problem));
}

void RunWriter::newest_is_written(bool written) {
  const std::lock_guard lock(mutex_);
  is_newest_written_ = written;
}

void RunWriter::write(WaitingLayer& waiting) {
  LayerRecord& layer = waiting.record;
  if (layer.layer == 0) {
    incoming_ = {{layer.epoch, {}}, 0};
    large_record_.reset();
    is_incoming_lost_ = false;
  }
  if (is_incoming_lost_) return;
  incoming_.bytes += waiting.bytes;
  incoming_.record.layers.push_back(std::move(layer.history));
  const bool is_last = layer.layer + 1 == layer.layers;
  if (incoming_.bytes <= waiting_.most_record_bytes) {
    if (is_last) write_incoming_record();
    return;
  }
  try {
    if (large_record_ == nullptr) begin_large_record();
    for (const LayerHistory& history : incoming_.record.layers) large_record_->add(history);
    incoming_.record.layers.clear();
    if (!is_last) return;
    large_record_->publish();
    large_record_.reset();
    is_index_stale_ = true;
  } catch (const Error& error) {
    is_incoming_lost_ = true;
    large_record_.reset();
    incoming_ = {};
    throw Fault(fmt::format("the topology record of epoch {} is lost: {}", layer.epoch, error.what()));
  }
}

void RunWriter::begin_large_record() {
  write_unwritten_records();
  ensure(unwritten_.empty(), "{} before it are not written yet", unwritten_.size());
  large_record_ = std::make_unique<TopologyRecordFile>(run_, incoming_.record.epoch, code_version_);
}

void RunWriter::write_incoming_record() {
  write_unwritten_records();
  is_index_stale_ = true;
  KeptRecord record = std::exchange(incoming_, {});
  try {
    if (unwritten_.empty()) {
      write_topology_record(run_, record.record, code_version_);
      return;
    }
  } catch (...) {
    unwritten_.push_back(std::move(record));
    throw;
  }
  keep_unwritten(std::move(record));
}

void RunWriter::keep_unwritten(KeptRecord record) {
  unwritten_.push_back(std::move(record));
  std::size_t bytes = 0;
  for (const KeptRecord& kept : unwritten_) bytes += kept.bytes;
  if (unwritten_.size() <= most_unwritten_records && bytes <= waiting_.most_record_bytes) return;
  const std::int64_t lost = unwritten_.front().record.epoch;
  unwritten_.pop_front();
  throw Fault(fmt::format("the topology record of epoch {} is lost: the disk was full for too long", lost));
}

void RunWriter::write_unwritten_records() {
  while (!unwritten_.empty()) {
    try {
      write_topology_record(run_, unwritten_.front().record, code_version_);
    } catch (const Error&) {  // warned of when it failed first
      return;
    }
    is_index_stale_ = true;
    unwritten_.pop_front();
  }
}

void RunWriter::write(const ModelSnapshot& snapshot) {
  write_checkpoint_of(snapshot,
                      [&](const fs::path& path) { write_checkpoint(path, snapshot, code_version_); });
}

void RunWriter::write(const WrittenSlices& slices) {
  write_checkpoint_of(slices.file->head().rest,
                      [&](const fs::path&) { slices.file->publish(slices.fingerprint, slices.pieces); });
}

void RunWriter::write_checkpoint_of(const ModelSnapshot& snapshot,
                                    const std::function<void(const fs::path&)>& put) {
  const CheckpointFile written = checkpoint_file_of(snapshot.position);
  newest_is_written(false);
  write_unwritten_records();
  put(run_.checkpoints() / written.file_name());
  newest_is_written(true);

  // Files of later positions are from before a resume that had to pass them over: not counted, overwritten in
  // time.
  std::vector<CheckpointFile> expired;
  std::int64_t counted = 0;
  kept_.clear();
  for (const auto& file : checkpoints_in(run_)) {
    const bool expires = keep_ > 0 && file <= written && ++counted > keep_;
    (expires ? expired : kept_).push_back(file);
  }
  index_ = RunIndex{{snapshot.config_text, snapshot.data_name, snapshot.data_identity}, snapshot.history};
  refresh_index();
  std::error_code ignored;  // a file that stays is tried again after the next checkpoint
  for (const auto& file : expired) fs::remove(run_.checkpoints() / file.file_name(), ignored);
}

void RunWriter::refresh_index() {
  is_index_stale_ = true;
  if (!index_) return;
  try {
    write_run_index(run_, *index_, kept_, code_version_);
    is_index_stale_ = false;
  } catch (const std::exception& error) {
    warn_of(error.what());
  }
}

}  // namespace plexus
