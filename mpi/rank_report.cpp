#include "mpi/rank_report.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <set>

#include "mpi/collectives.hpp"
#include "mpi/number_ranges.hpp"
#include "mpi/process.hpp"

namespace plexus {

template <class Archive>
void serialize(Archive& archive, RankPlace& place, unsigned) {
  archive& place.host& place.cpus& place.threads;
}

namespace {

bool alike(const RankPlace& a, const RankPlace& b) {
  return a.host == b.host && a.cpus == b.cpus && a.threads == b.threads;
}

}  // namespace

std::vector<int> cpus_allowed() {
  // The kernel refuses a mask that is smaller than its own; machines with more than 1024 CPUs exist.
  for (int limit = CPU_SETSIZE; limit <= 1 << 20; limit *= 2) {
    cpu_set_t* mask = CPU_ALLOC(static_cast<std::size_t>(limit));
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(limit));
    std::vector<int> cpus;
    if (mask != nullptr && sched_getaffinity(0, bytes, mask) == 0) {
      for (int cpu = 0; cpu < limit; ++cpu) {
        if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, mask)) cpus.push_back(cpu);
      }
    }
    CPU_FREE(mask);
    if (!cpus.empty()) return cpus;
  }
  return {};
}

std::vector<RankPlace> gather_places(DistributedContext& ctx, int threads) {
  return gather_all(ctx, RankPlace{host_name(), cpus_allowed(), threads});
}

int machines_of(const std::vector<RankPlace>& places) {
  std::set<std::string> hosts;
  for (const RankPlace& place : places) hosts.insert(place.host);
  return static_cast<int>(hosts.size());
}

int share_of_processors(const std::vector<RankPlace>& places) {
  struct Host {
    std::size_t ranks = 0;
    std::set<int> cpus;
  };
  std::map<std::string, Host> hosts;
  for (const RankPlace& place : places) {
    Host& host = hosts[place.host];
    ++host.ranks;
    host.cpus.insert(place.cpus.begin(), place.cpus.end());
  }
  std::size_t share = std::numeric_limits<int>::max();
  for (const RankPlace& place : places) {
    const Host& host = hosts[place.host];
    share = std::min({share, place.cpus.size(), host.cpus.size() / host.ranks});
  }
  return std::max(1, static_cast<int>(share));
}

std::string places_table(const std::vector<RankPlace>& places) {
  struct Line {
    std::string ranks, host, cpus, threads;
  };
  std::vector<Line> lines = {{"ranks", "host", "CPUs allowed", "threads per rank"}};
  for (std::size_t first = 0; first < places.size();) {
    std::vector<int> ranks;
    std::size_t next = first;
    for (; next < places.size() && alike(places[first], places[next]); ++next)
      ranks.push_back(static_cast<int>(next));
    const auto& place = places[first];
    lines.push_back({number_ranges(ranks), place.host,
                     fmt::format("{} ({})", place.cpus.size(), number_ranges(place.cpus)),
                     fmt::format("{}", place.threads)});
    first = next;
  }
  std::size_t ranks_width = 0, host_width = 0, cpus_width = 0;
  for (const auto& line : lines) {
    ranks_width = std::max(ranks_width, line.ranks.size());
    host_width = std::max(host_width, line.host.size());
    cpus_width = std::max(cpus_width, line.cpus.size());
  }
  std::string table;
  for (const auto& line : lines) {
    table += fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", line.ranks, ranks_width, line.host, host_width,
                         line.cpus, cpus_width, line.threads);
  }
  return table;
}

std::vector<std::string> placement_warnings(const std::vector<RankPlace>& places) {
  const int size = static_cast<int>(places.size());
  std::vector<std::string> warnings;

  std::vector<int> cramped;
  for (int rank = 0; rank < size; ++rank) {
    const auto& place = places[static_cast<std::size_t>(rank)];
    if (!place.cpus.empty() && static_cast<std::size_t>(place.threads) > place.cpus.size())
      cramped.push_back(rank);
  }
  if (!cramped.empty()) {
    const auto& place = places[static_cast<std::size_t>(cramped.front())];
    const auto names = rank_names(cramped, size);
    warnings.push_back(
        fmt::format("{}: {} threads on {} CPU{} of {}. mpirun binds one or two ranks to a core each unless "
                    "told otherwise: use "
                    "--bind-to none or --map-by slot:PE={}; under Slurm --cpus-per-task={}.",
                    names.empty() ? "this process" : names, place.threads, place.cpus.size(),
                    place.cpus.size() == 1 ? "" : "s", place.host, place.threads, place.threads));
  }

  struct Host {
    std::vector<int> ranks;
    std::set<int> cpus;
    int threads = 0;
    bool cramped = false;
  };
  std::map<std::string, Host> hosts;
  for (int rank = 0; rank < size; ++rank) {
    const auto& place = places[static_cast<std::size_t>(rank)];
    auto& host = hosts[place.host];
    host.ranks.push_back(rank);
    host.cpus.insert(place.cpus.begin(), place.cpus.end());
    host.threads += place.threads;
    host.cramped = host.cramped || std::ranges::binary_search(cramped, rank);
  }
  for (const auto& [name, host] : hosts) {
    if (host.cramped || host.cpus.empty() || static_cast<std::size_t>(host.threads) <= host.cpus.size())
      continue;
    warnings.push_back(
        fmt::format("{} on host {} use {} threads together but may run on {} CPU{} only. Use fewer "
                    "ranks per host or fewer threads (parallel.threads).",
                    rank_names(host.ranks, size), name, host.threads, host.cpus.size(),
                    host.cpus.size() == 1 ? "" : "s"));
  }
  return warnings;
}

}  // namespace plexus
