#pragma once

#include <omp.h>

#include <array>

namespace plexus {

/// Numbers of threads that results must not depend on.
inline constexpr std::array thread_counts = {1, 2, 3};

/// The result of f() with so many threads in its parallel regions.
template <class F>
auto with_threads(int threads, F&& f) {
  struct Restore {
    int threads = omp_get_max_threads();
    ~Restore() { omp_set_num_threads(threads); }
  } restore;
  omp_set_num_threads(threads);
  return f();
}

}  // namespace plexus
