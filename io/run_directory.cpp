#include "io/run_directory.hpp"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/file.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "io/checkpoint_slices.hpp"
#include "io/durable_file.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

enum class Content { nothing, run, other };

/// What a directory holds. A process killed while it created a run leaves nothing that counts.
Content content_of(const RunFiles& files) {
  std::error_code error;
  const fs::file_status status = fs::status(files.root, error);
  if (!fs::exists(status)) return Content::nothing;
  require(fs::is_directory(status), "'{}' exists and is no directory. Choose another --out.",
          files.root.string());
  if (fs::exists(files.index()) || !checkpoints_in(files).empty()) return Content::run;
  fs::directory_iterator entries(files.root, error);
  require(!error, "cannot read directory '{}': {}", files.root.string(), error.message());
  for (const auto& entry : entries) {
    const bool is_ours = entry.path() == files.lock() || is_temporary_name(entry.path().filename().string());
    if (!is_ours) return Content::other;
  }
  return Content::nothing;
}

/// Whose run it is, from `run.h5` or, if that is damaged, from a checkpoint.
RunIdentity stored_identity(const RunFiles& files) {
  std::string problem;
  try {
    return read_run_index(files).identity;
  } catch (const InputError& error) {
    problem = error.what();
  }
  const std::optional<FoundCheckpoint> newest = find_newest(files, [](const std::string&) {});
  require(newest.has_value(), "cannot tell which run '{}' belongs to: {}. Choose another --out.",
          files.root.string(), problem);
  const ModelSnapshot& rest = newest->head.rest;
  return {rest.config_text, rest.data_name, rest.data_identity};
}

}  // namespace

RunDirectory RunDirectory::open(fs::path path, RunIdentity identity, Resume resume,
                                const DifferingKeys& differing_keys) {
  RunDirectory directory(std::move(path), std::move(identity));
  const std::string name = directory.files_.root.string();
  const Content content = content_of(directory.files_);
  require(content != Content::other, "'{}' holds files that are no plexus run. Choose another --out.", name);
  if (content == Content::nothing) return directory;

  require(resume == Resume::automatic, "'{}' holds a run already. Choose another --out, or --resume auto.",
          name);
  directory.lock();
  const RunIdentity stored = stored_identity(directory.files_);
  const std::vector<std::string> differing = differing_keys(stored.config_text);
  require(differing.empty(),
          "'{}' belongs to another run, whose config differs in {}. Choose another --out, or set these as "
          "they were.",
          name, fmt::join(differing, ", "));
  require(stored.data_identity == directory.identity_.data_identity,
          "'{}' belongs to another run, which trains on other data ('{}', {:016x}; now '{}', {:016x}). "
          "Choose another "
          "--out, or mend data.path.",
          name, stored.data_name, stored.data_identity, directory.identity_.data_name,
          directory.identity_.data_identity);
  directory.holds_run_ = true;
  return directory;
}

void RunDirectory::create(std::string_view code_version) {
  const std::string name = files_.root.string();
  std::error_code error;
  fs::create_directories(files_.root, error);
  require(!error, "cannot create directory '{}': {}. Choose another --out.", name, error.message());
  if (!lock_.is_open()) lock();
  require(holds_run_ || content_of(files_) == Content::nothing,
          "'{}' has been taken by another run. Choose another --out.", name);
  remove_stale_temporaries(files_.root);
  if (!fs::exists(files_.index())) {
    try {
      write_run_index(files_, {identity_, {}}, checkpoints_in(files_), code_version);
    } catch (const Fault& fault) {
      throw InputError(fmt::format("{}. Choose another --out, or make room.", fault.what()));
    }
  }
  for (const auto& folder : {files_.checkpoints(), files_.topologies()}) {
    fs::create_directories(folder, error);
    require(!error, "cannot create directory '{}': {}. Choose another --out.", folder.string(),
            error.message());
    remove_stale_temporaries(folder);
  }
}

void RunDirectory::lock() {
  FileDescriptor file(::open(files_.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  require(file.is_open(), "cannot write into directory '{}': {}. Choose another --out.", files_.root.string(),
          reason_of(errno));
  if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) {
    lock_ = std::move(file);
    return;
  }
  require(errno != EWOULDBLOCK, "'{}' is in use by another process. Wait for it, or choose another --out.",
          files_.root.string());
  // Any other errno: a file system without locks (Lustre mounted without flock). The run goes on unguarded.
}

}  // namespace plexus
