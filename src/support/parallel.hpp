#pragma once

#include <omp.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "src/support/types.hpp"

namespace plexus {

/// Threads that parallel regions of this process use.
inline int thread_count() { return omp_get_max_threads(); }

/// Calls f(begin, end) for consecutive parts of [0, count), one part per thread. Parts are multiples of
/// `grain` but for the last; small counts stay on the calling thread.
template <class F>
void parallel_over(Offset count, Offset grain, F&& f) {
  const Offset grains = (count + grain - 1) / grain;
  const int threads = static_cast<int>(std::min<Offset>(thread_count(), grains));
  if (threads <= 1) {
    if (count > 0) f(Offset{0}, count);
    return;
  }
#pragma omp parallel num_threads(threads)
  {
    const Offset t = omp_get_thread_num();
    const Offset begin = grains * t / threads * grain;
    const Offset end = std::min(count, grains * (t + 1) / threads * grain);
    if (begin < end) f(begin, end);
  }
}

/// Calls f(begin, end) for the parts between neighbouring `cuts`, each on its own thread.
template <class F>
void parallel_parts(const std::vector<Index>& cuts, F&& f) {
  const auto parts = static_cast<int>(cuts.size()) - 1;
  if (parts == 1) {
    f(cuts[0], cuts[1]);
    return;
  }
#pragma omp parallel for num_threads(parts) schedule(static, 1)
  for (int part = 0; part < parts; ++part) {
    const auto i = static_cast<std::size_t>(part);
    if (cuts[i] < cuts[i + 1]) f(cuts[i], cuts[i + 1]);
  }
}

/// Cuts rows into `parts` consecutive ranges of about equal cost, where a row costs its connections plus a
/// constant for the row itself. @return parts + 1 ascending row numbers.
[[nodiscard]] std::vector<Index> balanced_cuts(const std::vector<Offset>& row_ptrs, int parts);

}  // namespace plexus
