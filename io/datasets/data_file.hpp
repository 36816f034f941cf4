#pragma once

#include <filesystem>
#include <string>

namespace plexus {

/// The file `name` or `name`.gz in `folder`; the plain one where both exist.
/// @throws InputError if the folder or the file does not exist
[[nodiscard]] std::filesystem::path find_data_file(const std::filesystem::path& folder,
                                                   const std::string& name);

/// All bytes of a file, unpacked if it is gzip. gzip's checksum and length are verified.
/// @throws InputError if the file cannot be read, is truncated or is damaged
[[nodiscard]] std::string read_data_file(const std::filesystem::path& file);

}  // namespace plexus
