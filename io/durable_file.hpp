#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace plexus {

/// A file under a temporary name (".NAME.tmp-PID") in the folder of the file it is to become. `publish` puts
/// it in place in one step, so that a reader, or a crash, never meets half a file. Removed on destruction
/// otherwise.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::filesystem::path final_path);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Renames the file, whose content must be on disk already, and makes the new name durable.
  /// @throws Fault with the system's reason.
  void publish();

 private:
  std::filesystem::path final_path_;
  std::filesystem::path path_;
  bool published_ = false;
};

/// Replaces `path` by a file that holds `text`: temporary file, fsync, rename, fsync of the folder.
/// @throws Fault with the system's reason; the old file is then untouched.
void write_text_durably(const std::filesystem::path& path, std::string_view text);

/// Makes names created, renamed or removed in `folder` durable. @throws Fault with the system's reason.
void sync_folder(const std::filesystem::path& folder);

/// Deletes what a killed process left in `folder`. The caller must be the only writer there.
void remove_stale_temporaries(const std::filesystem::path& folder);

/// Whether a file name is one that `TemporaryFile` makes.
[[nodiscard]] bool is_temporary_name(std::string_view file_name);

/// The whole file. @throws InputError with the system's reason.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

}  // namespace plexus
