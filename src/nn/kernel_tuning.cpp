#include "src/nn/kernel_tuning.hpp"

namespace plexus {

namespace {

KernelTuning& tuning_in_use() {
  static KernelTuning tuning;
  return tuning;
}

}  // namespace

const KernelTuning& kernel_tuning() { return tuning_in_use(); }

void use_kernel_tuning(const KernelTuning& tuning) { tuning_in_use() = tuning; }

}  // namespace plexus
