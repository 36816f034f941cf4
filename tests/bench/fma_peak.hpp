#pragma once

namespace plexus::bench {

/// What the cores do at most.
struct Peak {
  double flops_per_second = 0;  ///< while they work for us, all together
  double on_core = 1;           ///< share of the time that they do: less than 1 where others run on them too
};

/// Independent. Single-precision operations of independent multiply-adds in registers, on all OpenMP threads
/// at once, with the instructions that `kernels()` uses (the baseline set multiplies, then adds).
[[nodiscard]] Peak fma_peak(double seconds);

}  // namespace plexus::bench
