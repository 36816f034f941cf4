#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/tuning_file.hpp"
#include "src/plan/machine_speed.hpp"

namespace plexus {

/// What was measured on a kind of machine by ranks in this layout.
struct SpeedEntry {
  RankLayout layout;
  KernelSpeed kernels;
  std::optional<NetworkSpeed> network;  ///< nothing where there was one rank
  bool operator==(const SpeedEntry&) const = default;
};

/// The file of a kind of machine in the user's cache, beside its tuning: one entry for each layout of
/// ranks. Empty where there is no folder for caches.
[[nodiscard]] std::filesystem::path speed_path(const TuningKey& key);

/// What is kept at `path`; nothing where there is no such file, or where it is damaged or holds for something
/// else.
[[nodiscard]] std::vector<SpeedEntry> read_speeds(const std::filesystem::path& path, const TuningKey& key);

/// Adds `entry` to the file, or replaces the one of the same layout, and makes its folder.
/// @return whether that was possible
bool keep_speed(const std::filesystem::path& path, const TuningKey& key, const SpeedEntry& entry);

}  // namespace plexus
