#include "mpi/measured_machine.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "mpi/collectives.hpp"
#include "src/support/error.hpp"
#include "src/support/median.hpp"

namespace plexus {

namespace {

constexpr int turns_of_full = 5;

std::vector<double*> figures_of(MeasuredMachine& machine) {
  std::vector<double*> figures = figures_of(machine.kernels);
  const std::vector<double*> of_network = figures_of(machine.network.speed);
  figures.insert(figures.end(), of_network.begin(), of_network.end());
  figures.insert(figures.end(), {&machine.network.barrier, &machine.network.short_sum});
  return figures;
}

}  // namespace

MeasuredMachine typical(std::vector<MeasuredMachine> turns) {
  MeasuredMachine result = turns.front();
  std::vector<std::vector<double*>> figures;
  for (MeasuredMachine& turn : turns) figures.push_back(figures_of(turn));
  const std::vector<double*> results = figures_of(result);
  for (std::size_t i = 0; i < results.size(); ++i) {
    std::vector<double> values;
    for (const auto& of_turn : figures) values.push_back(*of_turn[i]);
    *results[i] = median(std::move(values));
  }
  return result;
}

MeasuredMachine measured_machine(DistributedContext& ctx, Effort effort) {
  std::vector<MeasuredMachine> turns(effort == Effort::quick ? 1 : turns_of_full);
  for (MeasuredMachine& turn : turns) {
    ctx.barrier();
    turn.kernels = slowest(ctx, measured_kernel_speed(effort));
    if (ctx.size() > 1) turn.network = measured_network(ctx);
  }
  return typical(std::move(turns));
}

KernelSpeed slowest(DistributedContext& ctx, const KernelSpeed& own) {
  KernelSpeed result = own;
  const std::vector<double*> figures = figures_of(result);
  std::vector<double> values;
  for (const double* figure : figures) values.push_back(*figure);
  for (const auto& others : gather_all(ctx, values)) {
    ensure(others.size() == figures.size(), "ranks measure different figures");
    for (std::size_t i = 0; i < figures.size(); ++i) *figures[i] = std::max(*figures[i], others[i]);
  }
  return result;
}

}  // namespace plexus
