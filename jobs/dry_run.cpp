#include "jobs/dry_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/gradient_exchange.hpp"
#include "mpi/shard_share.hpp"
#include "src/init/erdos_renyi.hpp"
#include "src/nn/first_layers.hpp"
#include "src/plan/grid_cost.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

Offset expected(const LayerPlan& plan) { return std::llround(plan.expected_connections()); }

}  // namespace

std::string layer_table(const ExperimentConfig& config) {
  std::string table = fmt::format("{:>5}  {:>12}  {:>12}  {:>9}  {:>14}\n", "layer", "inputs", "neurons",
                                  "density", "connections");
  std::string notes;
  std::size_t number = 1;
  for (const LayerPlan& plan : plan_layers(config)) {
    table += fmt::format(
        "{:>5}  {:>12}  {:>12}  {:>7.3f} %  {:>14}  {}{}\n", number, with_separators(plan.cols),
        with_separators(plan.rows), 100.0 * plan.density, with_separators(expected(plan)), plan.activation,
        plan.kind == LayerKind::dense ? ", dense" : (plan.evolves ? "" : ", fixed connections"));
    if (plan.capped) {
      const Offset asked =
          std::llround(*config.topology.epsilon * static_cast<double>(plan.rows + plan.cols));
      notes += fmt::format(
          "layer {}: epsilon {} asks for {} connections, but there are only {} cells; capped to all of them "
          "(epsilon {:.3f}).\n",
          number, *config.topology.epsilon, with_separators(asked), with_separators(plan.rows * plan.cols),
          full_epsilon(plan.cols, plan.rows));
    }
    ++number;
  }
  return table + notes;
}

std::string dry_run_report(const ExperimentConfig& config, const DataSplit& data, GridShape grid) {
  if (grid.model > 1) {
    return fmt::format(
        "{}\nThe {} ranks of a group hold one network between them; 'plexus plan CONFIG --ranks {}' says "
        "what each holds "
        "and exchanges. Nothing was trained.\n",
        layer_table(config), grid.model, grid.ranks());
  }
  const int ranks = grid.data;
  const auto plans = plan_layers(config);
  const PlannedRun run = planned_run(config, data.train.samples() + data.test.samples());
  const std::string memory = as_bytes(std::llround(memory_of(run, grid).total()));
  const Offset batch = std::min(config.training.batch_size, data.train.samples());
  Offset rows = 0;
  Offset connections = 0;
  for (const LayerPlan& plan : plans) {
    rows += plan.rows;
    connections += expected(plan);
  }
  const Offset gradient_bytes = (connections + rows) * exchanged_bytes(config.parallel.exactness);
  const double sent_share = 2.0 * (ranks - 1) / ranks;  // of an allreduce: reduce-scatter and allgather

  std::string report = layer_table(config);
  report += fmt::format("\n{:>5}  {:>16}  {:>10}  {:>14}  {:>12}  {:>20}\n", "rank", "samples per step",
                        "rows", "connections", "memory", "exchanged per step");
  for (int rank = 0; rank < ranks; ++rank) {
    const SampleRange share = share_of(batch, rank, ranks);
    report += fmt::format("{:>5}  {:>16}  {:>10}  {:>14}  {:>12}  {:>20}\n", rank, share.size(),
                          with_separators(rows), with_separators(connections), memory,
                          as_bytes(std::llround(sent_share * static_cast<double>(gradient_bytes))));
  }
  report += fmt::format("\n{} training and {} test samples, {} steps per epoch. Nothing was trained.\n",
                        with_separators(data.train.samples()), with_separators(data.test.samples()),
                        with_separators((data.train.samples() + batch - 1) / batch));
  return report;
}

}  // namespace plexus
