#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

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

/// Opens a file, checks seal, format, version and completeness, and hands it to `read`.
/// @throws InputError naming the file: it does not exist, is of another format or version, or is damaged.
/// Errors
///         thrown by `read` count as damage.
void read_file(const std::filesystem::path& path, const FileFormat& format,
               const std::function<void(const Group& root)>& read);

}  // namespace plexus::hdf5
