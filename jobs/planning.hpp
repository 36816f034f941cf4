#pragma once

#include <string>
#include <vector>

#include "io/speed_file.hpp"
#include "src/plan/grid_cost.hpp"

namespace plexus {

/// What a run's costs are computed with, and where that comes from in words.
struct Speeds {
  KernelSpeed kernels;
  NetworkSpeed network;
  std::string kernels_origin;
  std::string network_name;
  std::string network_origin;
};

/// The grids of `ranks` ranks that can train `run`; at least one.
/// @throws InputError if there is none
[[nodiscard]] std::vector<GridShape> grids_for(const PlannedRun& run, int ranks);

/// Where a measurement was made, for people.
[[nodiscard]] std::string in_words(const SpeedEntry& entry);

/// The measurement of kernels that suits `wanted` best: that with the nearest threads, then ranks on a
/// machine. Null where there is none.
[[nodiscard]] const SpeedEntry* nearest_kernels(const std::vector<SpeedEntry>& entries,
                                                const RankLayout& wanted);
/// The same for the network: as `wanted` on one machine or on several, with the same way of sums on one; of
/// those the one with the nearest ranks and machines.
[[nodiscard]] const SpeedEntry* nearest_network(const std::vector<SpeedEntry>& entries,
                                                const RankLayout& wanted);

/// @param network  a name, "measured", or empty: measured where there is something, else 100gbe
/// @throws InputError if the network does not exist, or was not measured
[[nodiscard]] Speeds speeds_for(const std::vector<SpeedEntry>& entries, const RankLayout& wanted,
                                const std::string& network);

}  // namespace plexus
