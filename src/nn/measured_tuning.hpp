#pragma once

#include "src/nn/kernel_tuning.hpp"

namespace plexus {

/// What is fastest on this machine with the present instruction set, found by running layers both ways on one
/// thread: least times of several turns, about a fifth of a second in all. To be called while no layer
/// computes.
[[nodiscard]] KernelTuning measured_kernel_tuning();

}  // namespace plexus
