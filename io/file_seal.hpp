#pragma once

#include <filesystem>

namespace plexus {

// A seal is 16 bytes at the end of a finished file: "plexus-1" and the XXH3 hash (64 bits, little-endian) of
// all bytes before. HDF5 ignores what stands behind its own end of file. It is checked before HDF5 sees a
// file, because HDF5 1.10.8 can crash on a damaged one.

/// Appends the seal and syncs the file. @throws Fault with the system's reason.
void seal(const std::filesystem::path& path);

/// @throws Fault if the file cannot be read, ends without a seal, or any byte has changed since.
void check_seal(const std::filesystem::path& path);

}  // namespace plexus
