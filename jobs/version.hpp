#pragma once

#include <string>

namespace plexus {

/// "0.1.0", the version in CMakeLists.txt.
[[nodiscard]] std::string code_version();

/// What `--version` prints: code, compiler, MPI, HDF5 and the kernels this processor runs.
[[nodiscard]] std::string version_text();

}  // namespace plexus
