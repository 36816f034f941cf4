#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "io/durable_file.hpp"
#include "io/hdf5_handle.hpp"

namespace plexus::hdf5 {

/// One of the kinds of files plexus writes. Root attributes `format` and `format_version` hold it. A reader
/// of version (major, minor) reads every file of the same major version.
struct FileFormat {
  std::string_view name;  ///< "plexus-checkpoint"
  std::string_view what;  ///< for messages: "checkpoint"
  std::int32_t major = 1;
  std::int32_t minor = 0;
};

/// Writes a whole file: a temporary one, filled by `fill`, closed, sealed (`file_seal.hpp`), synced, read
/// back and compared with its hashes, then renamed to `path`. A file that exists is complete. Adds the root
/// attributes `format`, `format_version`, `code_version`, `created` (UTC) and, last, `complete`.
/// @throws Fault naming the file and the system's reason (full disk and the like). Then nothing is left
/// behind, and
///         a former file of this name is untouched.
void write_file(const std::filesystem::path& path, const FileFormat& format, std::string_view code_version,
                const std::function<void(Group& root)>& fill);

/// A file made in two steps, between which other processes may fill the datasets that the first one reserved
/// (`Group::reserve`). Until it is published it has a temporary name; unless it is, nothing is left behind.
class StagedFile {
 public:
  /// Makes the file and closes it. `fill` as for `write_file`. @throws Fault as `write_file` does.
  StagedFile(std::filesystem::path path, const FileFormat& format, std::string_view code_version,
             const std::function<void(Group& root)>& fill);

  /// The name the file will have.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The name it has.
  [[nodiscard]] const std::filesystem::path& temporary_path() const { return temporary_.path(); }

  /// Opens the file again, has `fill` add to it and closes it. @throws Fault as `write_file` does.
  void add(const std::function<void(Group& root)>& fill);

  /// Whether the caller has compared the arrays with what was to be written, or `publish` shall do it.
  enum class ReadBack { done, wanted };
  /// Has `complete` add what was not known before, e.g. hashes, then closes, seals, syncs and renames the
  /// file. @throws Fault as `write_file` does.
  void publish(const std::function<void(Group& root)>& complete, ReadBack wanted);

 private:
  std::filesystem::path path_;
  FileFormat format_;
  TemporaryFile temporary_;
};

/// Whether a process has found a file's seal intact and told this one. A check reads the whole file.
enum class Seal { unchecked, checked };

/// Opens a file, checks seal, format, version and completeness, and hands it to `read`.
/// @throws InputError naming the file: it does not exist, is of another format or version, or is damaged.
/// Errors
///         thrown by `read` count as damage.
void read_file(const std::filesystem::path& path, const FileFormat& format,
               const std::function<void(const Group& root)>& read, Seal seal = Seal::unchecked);

}  // namespace plexus::hdf5
