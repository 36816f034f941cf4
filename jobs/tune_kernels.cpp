#include "jobs/tune_kernels.hpp"

#include "jobs/version.hpp"
#include "mpi/collective_check.hpp"
#include "src/nn/measured_tuning.hpp"

namespace plexus {

FoundTuning tune_kernels(DistributedContext& ctx) {
  FoundTuning found = on_all_ranks(ctx, [] {
    const TuningKey key = tuning_key(code_version());
    return find_tuning(tuning_path(key), key, [] { return measured_kernel_tuning(); });
  });
  use_kernel_tuning(found.tuning);
  return found;
}

}  // namespace plexus
