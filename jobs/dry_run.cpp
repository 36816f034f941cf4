#include "jobs/dry_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mpi/gradient_exchange.hpp"
#include "mpi/shard_share.hpp"
#include "src/init/erdos_renyi.hpp"
#include "src/nn/first_layers.hpp"
#include "src/optim/optimizer.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

/// Bytes per sparse connection besides value and optimizer state: row index and value of the
/// columns, column index and place among them of the rows.
constexpr Offset index_bytes = 4 + 4 + 4 + 4;

struct Memory {
  Offset parameters = 0;
  Offset activations = 0;
  Offset data = 0;
  [[nodiscard]] Offset total() const { return parameters + activations + data; }
};

Offset expected(const LayerPlan& plan) { return std::llround(plan.expected_connections()); }

Offset bytes_of(const Dataset& data) {
  return static_cast<Offset>(data.features.size() * sizeof(float) +
                             data.labels.size() * sizeof(std::int32_t));
}

Memory memory_of(const std::vector<LayerPlan>& plans, std::size_t optimizer_states, Offset lines,
                 const DataSplit& data) {
  Memory memory;
  const Offset real = sizeof(Real);
  Offset neurons = plans.front().cols;
  for (std::size_t l = 0; l < plans.size(); ++l) {
    const bool sparse = plans[l].kind == LayerKind::sparse;
    const Offset per_value = real + real * static_cast<Offset>(optimizer_states);
    memory.parameters += expected(plans[l]) * (per_value + (sparse ? index_bytes : 0));
    memory.parameters += plans[l].rows * (per_value + (sparse ? 2 : 1) * static_cast<Offset>(sizeof(Offset)));
    neurons += 3 * plans[l].rows;  // at most: before and after the activation, and the gradient
  }
  memory.activations = neurons * lines * line_samples * real;
  memory.data = bytes_of(data.train) + bytes_of(data.test);
  return memory;
}

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
  const auto states =
      OptimizerRegistry::instance().make(config.optimizer.name, "optimizer.name", config.optimizer)->states();
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
    Memory memory = memory_of(plans, states, lines_of(share.size()), data);
    if (ranks > 1) memory.parameters += exchange_memory();
    report += fmt::format("{:>5}  {:>16}  {:>10}  {:>14}  {:>12}  {:>20}\n", rank, share.size(),
                          with_separators(rows), with_separators(connections), as_bytes(memory.total()),
                          as_bytes(std::llround(sent_share * static_cast<double>(gradient_bytes))));
  }
  report += fmt::format("\n{} training and {} test samples, {} steps per epoch. Nothing was trained.\n",
                        with_separators(data.train.samples()), with_separators(data.test.samples()),
                        with_separators((data.train.samples() + batch - 1) / batch));
  return report;
}

}  // namespace plexus
