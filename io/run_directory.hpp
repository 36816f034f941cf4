#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_descriptor.hpp"
#include "io/run_files.hpp"
#include "io/run_index.hpp"

namespace plexus {

/// What to do with a directory that holds a run already.
enum class Resume {
  automatic,  ///< continue it, if it is the same run
  never,      ///< refuse it
};

/// Keys that change the result and differ between the stored config (TOML) and this run's; empty when it is
/// the same.
using DifferingKeys = std::function<std::vector<std::string>(const std::string& stored_config)>;

/// The directory of one run, guarded against other runs and other processes. Used by rank 0 only. Uses HDF5,
/// so not while a `RunWriter` works.
class RunDirectory {
 public:
  /// Looks at `path` and creates nothing. A directory that holds a run is locked until this object is
  /// destroyed.
  /// @throws InputError if the directory holds another run, any run with `Resume::never`, files that are no
  /// run, or
  ///         is in use by another process.
  [[nodiscard]] static RunDirectory open(std::filesystem::path path, RunIdentity identity, Resume resume,
                                         const DifferingKeys& differing_keys);

  /// Makes the directory ready to write into: creates what is missing, locks it, removes what a killed
  /// process left half-written, and notes in `run.h5` whose directory it is. Call it once everything else
  /// about the run has been checked, so that a refused run leaves nothing behind.
  /// @throws InputError if that is not possible.
  void create(std::string_view code_version);

  [[nodiscard]] const RunFiles& files() const { return files_; }

  /// Whether there was a run to continue, possibly one without a checkpoint yet.
  [[nodiscard]] bool holds_run() const { return holds_run_; }

  /// False before `create` for a new directory, and on a file system without locks, where nothing guards the
  /// directory.
  [[nodiscard]] bool is_locked() const { return lock_.is_open(); }

 private:
  RunDirectory(std::filesystem::path path, RunIdentity identity)
      : files_{std::move(path)}, identity_(std::move(identity)) {}
  void lock();

  RunFiles files_;
  RunIdentity identity_;
  bool holds_run_ = false;
  FileDescriptor lock_;
};

}  // namespace plexus
