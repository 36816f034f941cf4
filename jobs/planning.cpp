#include "jobs/planning.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>

#include "src/sparse/slabs.hpp"
#include "src/support/error.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

/// How far apart two numbers of which neither is 0 are.
double distance(double a, double b) { return std::abs(std::log2(a / b)); }

double ranks_of_machine(const RankLayout& layout) {
  return static_cast<double>(layout.ranks) / layout.machines;
}

template <class Distance>
const SpeedEntry* nearest(const std::vector<SpeedEntry>& entries, Distance&& distance_of) {
  const SpeedEntry* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const SpeedEntry& entry : entries) {
    const double far = distance_of(entry);
    if (far >= least) continue;
    best = &entry;
    least = far;
  }
  return best;
}

const NamedNetwork* named_network(const std::string& name) {
  std::vector<std::string> known;
  for (const NamedNetwork& network : named_networks()) {
    if (network.name == name) return &network;
    known.emplace_back(network.name);
  }
  known.emplace_back("measured");
  require(name == "measured", "unknown network '{}' (--network). {}", name, known_names_hint(name, known));
  return nullptr;
}

std::string machines_in_words(const RankLayout& layout) {
  if (layout.machines > 1) return fmt::format("{} machines", layout.machines);
  return layout.shared_memory ? "this machine" : "this machine, sums by messages";
}

/// Why there is no measured network for `wanted`, and how to get one.
std::string missing_network(const std::vector<SpeedEntry>& entries, const RankLayout& wanted) {
  std::string others;
  for (const SpeedEntry& entry : entries) {
    if (entry.network)
      others += fmt::format("{}{}", others.empty() ? "" : ", ", machines_in_words(entry.layout));
  }
  return fmt::format(
      "no network was measured for ranks on {} (--network measured{}). Run `mpirun -n {} plexus doctor` "
      "where "
      "they shall train, or name one: 10gbe, 100gbe, hdr200.",
      machines_in_words(wanted), others.empty() ? "" : ", --machines; there is: " + others, wanted.ranks);
}

void find_network(Speeds& speeds, const std::vector<SpeedEntry>& entries, const RankLayout& wanted,
                  const std::string& asked) {
  const SpeedEntry* entry = nearest_network(entries, wanted);
  const std::string name = !asked.empty() ? asked : (entry != nullptr ? "measured" : "100gbe");
  speeds.network_name = name;
  if (const NamedNetwork* network = named_network(name)) {
    speeds.network = network->speed;
    speeds.network_origin = fmt::format("{}: {:g} us, {:g} GB/s", network->help, 1e6 * network->speed.latency,
                                        1e-9 * network->speed.bandwidth);
    return;
  }
  if (entry != nullptr) {
    speeds.network = *entry->network;
    speeds.network_origin = in_words(*entry);
    return;
  }
  require(wanted.ranks == 1, "{}", missing_network(entries, wanted));
  speeds.network.bandwidth = 1;  // one rank sends nothing
  speeds.network_origin = "one rank sends nothing";
}

}  // namespace

std::vector<GridShape> grids_for(const PlannedRun& run, int ranks) {
  auto grids = sensible_grids(run, ranks);
  require(
      !grids.empty(),
      "no grid has {} ranks: with batches of {} samples at most {} data groups have a shard of {} each, and "
      "every model part needs neurons of each hidden layer, which must be sparse. Use another number of "
      "ranks, "
      "or a larger training.batch_size.",
      ranks, run.batch, (run.batch + shard_samples - 1) / shard_samples, shard_samples);
  return grids;
}

std::string in_words(const SpeedEntry& entry) {
  const RankLayout& layout = entry.layout;
  return fmt::format("measured with {} rank{} x {} thread{} on {}", layout.ranks,
                     layout.ranks == 1 ? "" : "s", layout.threads, layout.threads == 1 ? "" : "s",
                     machines_in_words(layout));
}

const SpeedEntry* nearest_kernels(const std::vector<SpeedEntry>& entries, const RankLayout& wanted) {
  return nearest(entries, [&](const SpeedEntry& entry) {
    return 100 * distance(entry.layout.threads, wanted.threads) +
           distance(ranks_of_machine(entry.layout), ranks_of_machine(wanted));
  });
}

const SpeedEntry* nearest_network(const std::vector<SpeedEntry>& entries, const RankLayout& wanted) {
  return nearest(entries, [&](const SpeedEntry& entry) {
    const RankLayout& layout = entry.layout;
    const bool fits = entry.network && (layout.machines > 1) == (wanted.machines > 1) &&
                      (wanted.machines > 1 || layout.shared_memory == wanted.shared_memory);
    if (!fits) return std::numeric_limits<double>::infinity();
    return 10 * distance(layout.machines, wanted.machines) + 3 * distance(layout.ranks, wanted.ranks) +
           distance(layout.threads, wanted.threads);
  });
}

Speeds speeds_for(const std::vector<SpeedEntry>& entries, const RankLayout& wanted,
                  const std::string& network) {
  Speeds speeds;
  if (const SpeedEntry* entry = nearest_kernels(entries, wanted)) {
    speeds.kernels =
        with_threads(entry->kernels, static_cast<double>(wanted.threads) / entry->layout.threads);
    speeds.kernels_origin = in_words(*entry);
  } else {
    speeds.kernels = with_threads(default_kernel_speed(), wanted.threads);
    speeds.kernels_origin = "those of a Zen 4 core; `plexus doctor` measures this machine's";
  }
  find_network(speeds, entries, wanted, network);
  return speeds;
}

}  // namespace plexus
