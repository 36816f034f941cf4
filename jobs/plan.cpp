#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "io/config_text.hpp"
#include "io/speed_file.hpp"
#include "jobs/command.hpp"
#include "jobs/planning.hpp"
#include "jobs/rank_threads.hpp"
#include "jobs/version.hpp"
#include "mpi/process.hpp"
#include "src/plan/grid_cost.hpp"
#include "src/support/error.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

using nlohmann::json;

constexpr double gib = 1024.0 * 1024.0 * 1024.0;
constexpr std::int64_t most_ranks = 1'000'000;

struct PlanOptions {
  std::string config_file;
  std::vector<std::string> overrides;
  std::int64_t ranks = 0;
  std::string network;
  std::int64_t machines = 1;
  std::int64_t samples = 0;
  double memory_gib = 0;
  bool json = false;
};

/// The program's own way: only ranks on one machine can share memory.
RankLayout layout_of(const PlanOptions& options, int threads) {
  RankLayout layout{static_cast<int>(options.ranks), threads, static_cast<int>(options.machines)};
  layout.shared_memory = layout.machines == 1 && wants_shared_memory();
  return layout;
}

std::string as_amount(double bytes) { return bytes < 0.5 ? "-" : as_bytes(std::llround(bytes)); }

/// Why `best` is chosen: what it takes, and what the two extremes would.
std::string reason(const std::vector<GridCost>& costs, std::size_t best, std::size_t too_large) {
  const GridCost& chosen = costs[best];
  std::string text = fmt::format("Best: {}, {} a step ({} computing) and {} a rank", name_of(chosen.grid),
                                 as_time(chosen.seconds()), as_time(chosen.seconds_compute),
                                 as_bytes(std::llround(chosen.memory.total())));
  std::vector<std::size_t> others = {0};
  if (costs.size() > 1) others.push_back(costs.size() - 1);
  for (const std::size_t i : others) {
    if (i == best) continue;
    text += fmt::format("; {} would take {}, hold {} and send {}", name_of(costs[i].grid),
                        as_time(costs[i].seconds()), as_bytes(std::llround(costs[i].memory.total())),
                        as_amount(costs[i].bytes()));
  }
  if (costs.size() == 1) text += "; no other grid has so many ranks";
  if (too_large > 0) text += fmt::format("; {} grid{} not fit", too_large, too_large == 1 ? " does" : "s do");
  return text + ".";
}

void print_table(const std::vector<GridCost>& costs, std::optional<std::size_t> best) {
  fmt::print("{:>10}  {:>10}  {:>10}  {:>10}  {:>10}  {:>8}  {:>8}  {:>8}  {:>8}\n", "data x mod", "memory",
             "sums", "halo", "weights", "messages", "compute", "waiting", "step");
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const GridCost& cost = costs[i];
    fmt::print("{:>10}  {:>10}  {:>10}  {:>10}  {:>10}  {:>8.3g}  {:>8}  {:>8}  {:>8}{}\n",
               name_of(cost.grid), as_amount(cost.memory.total()), as_amount(cost.sums), as_amount(cost.halo),
               as_amount(cost.weights), cost.messages, as_time(cost.seconds_compute),
               as_time(cost.seconds_waiting), as_time(cost.seconds()), i == best ? " <" : "");
  }
}

/// `text` in lines of at most 100 columns.
std::string wrapped(const std::string& text) {
  constexpr std::size_t width = 100;
  std::string lines;
  std::size_t column = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const bool breaks = column > 0 && column + 1 + word.size() > width;
    if (column > 0) lines += breaks ? '\n' : ' ';
    column = (column > 0 && !breaks ? column + 1 : 0) + word.size();
    lines += word;
  }
  return lines;
}

std::string sizes_of(const PlannedRun& run) {
  std::string sizes = with_separators(run.layers.front().cols);
  if (run.layers.size() > 6) {
    return fmt::format("{} - {} ... {} - {}", sizes, with_separators(run.layers.front().rows),
                       with_separators(run.layers[run.layers.size() - 2].rows),
                       with_separators(run.layers.back().rows));
  }
  for (const LayerPlan& layer : run.layers) sizes += " - " + with_separators(layer.rows);
  return sizes;
}

json as_json(const GridCost& cost) {
  return {{"data", cost.grid.data},
          {"model", cost.grid.model},
          {"memory_bytes",
           {{"parameters", cost.memory.parameters},
            {"activations", cost.memory.activations},
            {"rewiring", cost.memory.rewiring},
            {"checkpoint", cost.memory.checkpoint},
            {"exchange", cost.memory.exchange},
            {"data", cost.memory.data},
            {"program", cost.memory.program},
            {"total", cost.memory.total()}}},
          {"sent_bytes",
           {{"sums", cost.sums}, {"halo", cost.halo}, {"weights", cost.weights}, {"total", cost.bytes()}}},
          {"messages", cost.messages},
          {"seconds",
           {{"compute", cost.seconds_compute}, {"waiting", cost.seconds_waiting}, {"step", cost.seconds()}}}};
}

void print_json(const PlannedRun& run, const Speeds& speeds, const std::vector<GridCost>& costs,
                std::optional<std::size_t> best, const std::string& why, int threads) {
  json grids = json::array();
  for (const GridCost& cost : costs) grids.push_back(as_json(cost));
  const json out = {{"connections", run.connections()},
                    {"batch", run.batch},
                    {"threads", threads},
                    {"network", speeds.network_name},
                    {"network_origin", speeds.network_origin},
                    {"kernels_origin", speeds.kernels_origin},
                    {"grids", grids},
                    {"best", best ? json(*best) : json()},
                    {"reason", why}};
  fmt::print("{}\n", out.dump(2));
}

ExitCode plan(const PlanOptions& options) {
  require(options.ranks >= 1 && options.ranks <= most_ranks, "--ranks is {} (must be from 1 to {}).",
          options.ranks, most_ranks);
  require(options.machines >= 1 && options.machines <= options.ranks,
          "--machines is {} (must be from 1 to the number of ranks, {}).", options.machines, options.ranks);
  require(options.samples >= 0, "--samples is {} (must be 0 or more).", options.samples);
  require(options.memory_gib >= 0, "--memory is {} (must be GiB that a rank may use).", options.memory_gib);
  const ExperimentConfig config = read_config(options.config_file, options.overrides);
  const int threads =
      planned_threads(config, static_cast<int>(options.ranks), static_cast<int>(options.machines));
  const Offset samples =
      options.samples > 0 ? options.samples : config.data.train_samples + config.data.test_samples;
  const PlannedRun run = planned_run(config, samples);
  const auto grids = grids_for(run, static_cast<int>(options.ranks));
  const TuningKey key = tuning_key(code_version());
  const Speeds speeds =
      speeds_for(read_speeds(speed_path(key), key), layout_of(options, threads), options.network);
  std::vector<GridCost> costs;
  for (const GridShape grid : grids) costs.push_back(cost_of(run, grid, speeds.kernels, speeds.network));
  const std::optional<double> memory =
      options.memory_gib > 0 ? std::optional(options.memory_gib * gib) : std::nullopt;
  const auto best = best_of(costs, memory);
  const auto too_large = static_cast<std::size_t>(std::ranges::count_if(
      costs, [&](const GridCost& cost) { return memory && cost.memory.total() > *memory; }));
  const std::string why =
      best ? reason(costs, *best, too_large)
           : fmt::format("None: every grid needs more than {:g} GiB a rank; use more ranks.",
                         options.memory_gib);
  if (options.json) {
    print_json(run, speeds, costs, best, why, threads);
    return ExitCode::ok;
  }
  fmt::print("layers   {}: {} connections\n", sizes_of(run),
             with_separators(std::llround(run.connections())));
  fmt::print("run      {} rank{} x {} thread{}, batches of {} samples, {} sums\n", options.ranks,
             options.ranks == 1 ? "" : "s", threads, threads == 1 ? "" : "s", run.batch,
             config.parallel.exactness);
  fmt::print("network  {} ({})\n", speeds.network_name, speeds.network_origin);
  fmt::print("kernels  {}\n\n", speeds.kernels_origin);
  print_table(costs, best);
  fmt::print("\n{}\n", wrapped(why));
  fmt::print(
      "\nPer rank and step; bytes are sent, and as many received. Waiting is what computing does not "
      "hide.\n");
  if (run.samples == 0)
    fmt::print("The data set, which every rank holds, is not counted in memory: --samples N counts it.\n");
  return ExitCode::ok;
}

}  // namespace

void add_plan_command(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand(
      "plan", "Say what each grid of data groups x model parts would cost, without making the network");
  auto options = std::make_shared<PlanOptions>();
  command->add_option("CONFIG", options->config_file, "config file (TOML)")->required();
  command->add_option("--ranks", options->ranks, "ranks to plan for")->required();
  command->add_option("--network", options->network,
                      "10gbe, 100gbe, hdr200 or measured (default: measured where `plexus doctor` has, else "
                      "100gbe)");
  command->add_option("--machines", options->machines, "machines that the ranks are on, for `measured`")
      ->capture_default_str();
  command->add_option("--samples", options->samples,
                      "samples of the data set, training and test (default: as the config limits them)");
  command->add_option("--memory", options->memory_gib, "GiB that a rank may use (default: any amount)");
  command->add_option("--set", options->overrides, "section.key=value instead of the file's; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "for programs: one JSON object");
  command->callback([&action, options] { action = [options] { return plan(*options); }; });
}

}  // namespace plexus
