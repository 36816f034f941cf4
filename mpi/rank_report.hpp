#pragma once

#include <string>
#include <vector>

#include "mpi/distributed_context.hpp"

namespace plexus {

/// Where a rank runs and what it may use there.
struct RankPlace {
  std::string host;
  std::vector<int> cpus;  ///< numbers of the CPUs the rank may run on, ascending
  int threads = 1;        ///< compute threads it is going to use
};

/// Independent. The CPUs that this process may run on now, ascending. Call it before threads are bound to
/// cores.
[[nodiscard]] std::vector<int> cpus_allowed();

/// Collective. The places of all ranks, in rank order.
[[nodiscard]] std::vector<RankPlace> gather_places(DistributedContext& ctx, int threads);

/// Independent. Machines that the ranks are on.
[[nodiscard]] int machines_of(const std::vector<RankPlace>& places);

/// Independent. Processors that every rank can have to itself, where those on a host share what they may use
/// there: at least 1.
[[nodiscard]] int share_of_processors(const std::vector<RankPlace>& places);

/// Independent. A table for people, one line for neighbouring ranks that are placed alike.
[[nodiscard]] std::string places_table(const std::vector<RankPlace>& places);

/// Independent. What will make this job slow: a rank with more threads than CPUs, or ranks that together have
/// more threads than there are CPUs for them on their host. One sentence each, with the way out; empty when
/// all is well.
[[nodiscard]] std::vector<std::string> placement_warnings(const std::vector<RankPlace>& places);

}  // namespace plexus
