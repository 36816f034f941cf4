#pragma once

#include <omp.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <vector>

#include "src/support/types.hpp"

namespace plexus {

/// Threads that parallel regions of this process use.
inline int thread_count() { return omp_get_max_threads(); }

/// Number of the calling thread inside a parallel region; 0 outside, and for the thread that began it.
inline int thread_number() { return omp_get_thread_num(); }

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

/// Parts that `work` items are worth being cut into: one a thread, but none with fewer than `grain` items.
inline int parts_for(Offset work, Offset grain) {
  return static_cast<int>(std::clamp<Offset>(work / grain, 1, thread_count()));
}

/// Connections that are worth a thread of their own where each takes a few nanoseconds.
constexpr Offset least_part = 2048;
/// The same where each takes a fraction of a nanosecond.
constexpr Offset least_stream = 16384;

/// Where part `part` of `parts` parts of [0, count) begins; part `parts` would begin at `count`.
inline Offset part_begin(Offset count, int part, int parts) {
  return count / parts * part + count % parts * part / parts;
}

/// Calls f(part) for 0 <= part < parts, each on its own thread. Other parts go on when one throws; then the
/// exception of the first part that failed is thrown again.
template <class F>
void for_each_part(int parts, F&& f) {
  if (parts == 1) {
    f(0);
    return;
  }
  std::exception_ptr failure;
  int failed = parts;
#pragma omp parallel for num_threads(parts) schedule(static, 1)
  for (int part = 0; part < parts; ++part) {
    try {
      f(part);
    } catch (...) {
#pragma omp critical(plexus_for_each_part)
      if (part < failed) {
        failed = part;
        failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

/// The least i in [0, count) for which fits(i) is false; `count` if there is none. Looks at all, in parallel.
template <class Fits>
Offset first_misfit(Offset count, Fits&& fits) {
  const int parts = parts_for(count, least_part);
  std::vector<Offset> found(static_cast<std::size_t>(parts), count);
  for_each_part(parts, [&](int part) {
    const Offset end = part_begin(count, part + 1, parts);
    for (Offset i = part_begin(count, part, parts); i < end; ++i) {
      if (!fits(i)) {
        found[static_cast<std::size_t>(part)] = i;
        return;
      }
    }
  });
  return *std::min_element(found.begin(), found.end());
}

/// Cuts rows into `parts` consecutive ranges of about equal cost, where a row costs its connections plus a
/// constant for the row itself. @return parts + 1 ascending row numbers.
[[nodiscard]] std::vector<Index> balanced_cuts(const std::vector<Offset>& row_ptrs, int parts);

/// The same for rows of equal cost.
[[nodiscard]] std::vector<Index> even_cuts(Index rows, int parts);

}  // namespace plexus
