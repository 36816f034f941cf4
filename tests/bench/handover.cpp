#include "tests/bench/handover.hpp"

#include <omp.h>

#include <atomic>

#include "mpi/stopwatch.hpp"

namespace plexus::bench {

double handover_seconds() {
  if (omp_get_max_threads() < 2) return 0;
  constexpr double enough = 1e-3;
  constexpr long ended = -1;
  alignas(64) std::atomic<long> ball{0};  // odd on its way to the other thread, even on its way back
  double seconds = 0;
  long rounds = 0;
#pragma omp parallel num_threads(2)
  if (omp_get_thread_num() == 0) {
    Stopwatch watch;
    while (seconds < enough) {
      for (int i = 0; i < 8; ++i) {
        ball.store(2 * rounds + 1, std::memory_order_release);
        ++rounds;
        while (ball.load(std::memory_order_acquire) != 2 * rounds) {
        }
      }
      seconds += watch.lap();
    }
    ball.store(ended, std::memory_order_release);
  } else {
    for (long seen = 0; seen != ended; seen = ball.load(std::memory_order_acquire)) {
      if (seen % 2 == 1) ball.store(seen + 1, std::memory_order_release);
    }
  }
  return seconds / static_cast<double>(rounds);
}

}  // namespace plexus::bench
