#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "mpi/distributed_context.hpp"
#include "mpi/stopwatch.hpp"

namespace plexus::bench {

using Json = nlohmann::ordered_json;

/// How everything is measured.
struct Bench {
  DistributedContext& ctx;
  bool quick = false;                ///< few cases, short repetitions
  int repetitions = 5;               ///< of each measurement; medians are reported
  double repetition_seconds = 0.02;  ///< least length of a repetition: short works are repeated to fill it
};

/// Something to be timed.
struct Work {
  std::function<double()> once;  ///< does it once; the seconds that count
  int threads = 1;               ///< OpenMP threads while it runs
};

/// `f` as a work in which everything counts.
template <class F>
[[nodiscard]] Work timed(F f, int threads = 1) {
  return {[f = std::move(f)]() mutable {
            Stopwatch watch;
            f();
            return watch.lap();
          },
          threads};
}

/// What the repetitions of one work took, and what the machine was like next to each of them.
struct Timing {
  std::vector<double> seconds;   ///< mean of one execution
  std::vector<double> peak;      ///< FMA peak, flop/s: all threads and ranks together
  std::vector<double> on_core;   ///< least share of the time that a thread had its core
  std::vector<double> handover;  ///< of a cache line between two threads, in seconds; 0 with one thread

  /// Share of the peak that `flops` useful operations are, between 0 and 1.
  [[nodiscard]] Json share(double flops) const;
  /// Nanoseconds for each of `count` parts of the work.
  [[nodiscard]] Json nanoseconds_per(double count) const;
  /// What the machine was like: the peak, how much of their cores threads had, and the hand-over.
  [[nodiscard]] Json conditions() const;
};

/// A figure: median, least, greatest, and the number of samples they were taken from.
[[nodiscard]] Json figure(std::vector<double> samples);

/// How many times longer `a` took than `b`, repetition by repetition.
[[nodiscard]] Json ratio(const Timing& a, const Timing& b);

/// Collective. Times `works` in turn, so that a disturbance meets all of them, with the peak measured before
/// and after each. One more execution of each goes first and does not count.
[[nodiscard]] std::vector<Timing> measure(const Bench& bench, const std::vector<Work>& works);

/// Collective. The same for one work.
[[nodiscard]] Timing measure(const Bench& bench, const Work& work);

/// Independent. The different ones among 1, 2 and the number of CPUs of this process.
[[nodiscard]] std::vector<int> thread_counts();

/// "1 thread", "2 threads".
[[nodiscard]] std::string counted(int count, const std::string& noun);

}  // namespace plexus::bench
