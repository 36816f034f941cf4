#pragma once

#include "src/plan/machine_speed.hpp"

namespace plexus {

enum class Effort {
  full,   ///< layers of up to a million neurons: a second or two
  quick,  ///< layers of up to some thousand neurons: half a second
};

/// How fast this process computes now, with the threads that OpenMP uses: typical times of layers of a few
/// widths. Ranks that train together on a machine share its caches and memory, so they should measure at the
/// same time. Takes about 200 MB of memory, a quick one 20.
[[nodiscard]] KernelSpeed measured_kernel_speed(Effort effort);

}  // namespace plexus
