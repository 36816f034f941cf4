#include "jobs/grid_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "io/speed_file.hpp"
#include "jobs/planning.hpp"
#include "jobs/tune_kernels.hpp"
#include "jobs/version.hpp"
#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/measured_machine.hpp"
#include "mpi/process.hpp"
#include "mpi/rank_report.hpp"
#include "src/plan/grid_cost.hpp"
#include "src/support/error.hpp"
#include "src/support/text.hpp"

namespace plexus {

template <class Archive>
void serialize(Archive& archive, GridChoice& choice, unsigned) {
  archive& choice.grid.data& choice.grid.model& choice.reason& choice.warning;
}

namespace {

/// Of the free memory; the rest is for what the model leaves out.
constexpr double usable_share = 0.85;

/// Collective. Bytes that each rank may use.
double memory_of_rank(DistributedContext& ctx, const std::vector<RankPlace>& places) {
  const std::string& host = places[static_cast<std::size_t>(ctx.rank())].host;
  const auto neighbours = std::ranges::count(places, host, &RankPlace::host);
  return usable_share *
         static_cast<double>(smallest(ctx, available_memory() / static_cast<std::int64_t>(neighbours)));
}

/// Collective. Measurements that hold for `layout`: those that are kept, or else one that is made now.
std::vector<SpeedEntry> known_or_measured(DistributedContext& ctx, const RankLayout& layout) {
  const TuningKey key = tuning_key(code_version());
  std::vector<SpeedEntry> entries;
  if (ctx.rank() == 0) entries = read_speeds(speed_path(key), key);
  int known = ctx.rank() == 0 && nearest_network(entries, layout) != nullptr ? 1 : 0;
  broadcast_message(ctx, known, 0);
  if (known == 1) return entries;
  tune_kernels(ctx);
  const MeasuredMachine machine = measured_machine(ctx, Effort::quick);
  entries.assign(1, {layout, machine.kernels, machine.network.speed});
  if (ctx.rank() == 0) keep_speed(speed_path(key), key, entries.front());
  return entries;
}

std::string cost_in_words(const GridCost& cost) {
  return fmt::format("{} ({} a rank)", as_time(cost.seconds()), as_bytes(std::llround(cost.memory.total())));
}

/// Rank 0's choice.
GridChoice choice_of(const PlannedRun& run, const std::vector<GridShape>& grids, const Speeds& speeds,
                     double memory) {
  std::vector<GridCost> costs;
  for (const GridShape grid : grids) costs.push_back(cost_of(run, grid, speeds.kernels, speeds.network));
  GridChoice choice;
  auto best = best_of(costs, memory);
  if (!best) {
    const auto smallest =
        std::ranges::min_element(costs, {}, [](const GridCost& cost) { return cost.memory.total(); });
    best = static_cast<std::size_t>(smallest - costs.begin());
    choice.warning = fmt::format("every grid needs more memory a rank than the {} that are free",
                                 as_bytes(std::llround(memory)));
  }
  choice.grid = costs[*best].grid;
  for (const GridCost& cost : costs) {
    choice.reason +=
        fmt::format("{}{} {}{}", choice.reason.empty() ? "a step takes: " : ", ", name_of(cost.grid),
                    cost_in_words(cost), cost.memory.total() > memory ? ", too large" : "");
  }
  choice.reason += fmt::format("; predicted, {}", speeds.network_origin);
  return choice;
}

}  // namespace

GridChoice choose_grid(DistributedContext& ctx, const ExperimentConfig& config, Offset samples, int threads) {
  PlannedRun run = planned_run(config, 0);
  run.batch = std::min(config.training.batch_size, samples);
  const auto grids = on_all_ranks(ctx, [&] { return grids_for(run, ctx.size()); });
  if (grids.size() == 1) return {grids.front(), "the only grid of so many ranks for this network", {}};
  const auto places = gather_places(ctx, threads);
  const RankLayout layout{ctx.size(), threads, machines_of(places), share_memory(ctx)};
  const double memory = memory_of_rank(ctx, places);
  const auto entries = known_or_measured(ctx, layout);
  GridChoice choice;
  if (ctx.rank() == 0) choice = choice_of(run, grids, speeds_for(entries, layout, "measured"), memory);
  broadcast_message(ctx, choice, 0);
  return choice;
}

}  // namespace plexus
