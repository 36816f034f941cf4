#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "src/nn/kernel_tuning.hpp"
#include "src/support/function_ref.hpp"

namespace plexus {

/// What a tuning holds for.
struct TuningKey {
  std::string processor;  ///< as the system names its model
  std::string kernels;    ///< instruction set
  std::string version;    ///< of plexus, and of the code that computes: "0.1.0 9f86d081884c"
};

/// That of this process, of a plexus of this version. A build with other kernels, layers or compiler has
/// another.
[[nodiscard]] TuningKey tuning_key(const std::string& version);

/// The file of a tuning in the user's cache: $XDG_CACHE_HOME/plexus/, or ~/.cache/plexus/. Empty where the
/// user has neither.
[[nodiscard]] std::filesystem::path tuning_path(const TuningKey& key);

/// Nothing where there is no such file, or where it is damaged or holds for something else.
[[nodiscard]] std::optional<KernelTuning> read_tuning(const std::filesystem::path& path,
                                                      const TuningKey& key);

/// Replaces the file in one step and makes its folder. Several processes may do so at the same time.
/// @return whether that was possible
bool write_tuning(const std::filesystem::path& path, const TuningKey& key, const KernelTuning& tuning);

/// A tuning, and where it comes from in words.
struct FoundTuning {
  KernelTuning tuning;
  std::string origin;
};

/// Reads the tuning at `path`, or measures and writes it. Where nothing can be written it is the default:
/// every start would have to measure. PLEXUS_TUNING=off in the environment asks for the default, too.
/// Independent.
/// @throws InputError if PLEXUS_TUNING is neither empty nor "on" nor "off"
[[nodiscard]] FoundTuning find_tuning(const std::filesystem::path& path, const TuningKey& key,
                                      FunctionRef<KernelTuning()> measure);

}  // namespace plexus
