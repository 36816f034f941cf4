#include "jobs/rank_threads.hpp"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "mpi/collective_check.hpp"
#include "mpi/rank_report.hpp"
#include "src/plan/grid_cost.hpp"

namespace plexus {

namespace {

bool threads_are_said_outside() {
  const char* said = std::getenv("OMP_NUM_THREADS");
  return said != nullptr && *said != '\0';
}

int with_work(const PlannedRun& run, int processors, int ranks) {
  return std::clamp(processors, 1, useful_threads(run, ranks));
}

}  // namespace

int rank_threads(DistributedContext& ctx, const ExperimentConfig& config) {
  if (config.parallel.threads > 0) return static_cast<int>(config.parallel.threads);
  const PlannedRun run = on_all_ranks(ctx, [&] { return planned_run(config, 0); });
  const int share = share_of_processors(gather_places(ctx, 1));
  const int threads = threads_are_said_outside() ? omp_get_max_threads() : with_work(run, share, ctx.size());
  std::array<std::int64_t, 1> least = {-threads};
  ctx.maximum(least);
  return static_cast<int>(-least[0]);
}

int planned_threads(const ExperimentConfig& config, int ranks, int machines) {
  if (config.parallel.threads > 0) return static_cast<int>(config.parallel.threads);
  const int on_a_machine = (ranks + machines - 1) / machines;
  return with_work(planned_run(config, 0), static_cast<int>(cpus_allowed().size()) / on_a_machine, ranks);
}

}  // namespace plexus
