#include "tests/bench/measure.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <set>
#include <utility>

#include "mpi/collectives.hpp"
#include "mpi/rank_report.hpp"
#include "tests/bench/fma_peak.hpp"
#include "tests/bench/handover.hpp"

namespace plexus::bench {

namespace {

/// The peak of all ranks at once.
Peak peak_of_all_ranks(const Bench& bench) {
  bench.ctx.barrier();
  const Peak own = fma_peak(bench.repetition_seconds);
  Peak all;
  for (const auto& [flops_per_second, on_core] :
       gather_all(bench.ctx, std::pair(own.flops_per_second, own.on_core))) {
    all.flops_per_second += flops_per_second;
    all.on_core = std::min(all.on_core, on_core);
  }
  return all;
}

double repetition(const Bench& bench, const Work& work) {
  double seconds = 0;
  int executions = 0;
  while (seconds < bench.repetition_seconds) {
    seconds += work.once();
    ++executions;
  }
  return seconds / executions;
}

template <class F>
Json each(const std::vector<double>& a, const std::vector<double>& b, F&& f) {
  std::vector<double> results(a.size());
  std::transform(a.begin(), a.end(), b.begin(), results.begin(), f);
  return figure(std::move(results));
}

}  // namespace

Json Timing::share(double flops) const {
  return each(seconds, peak, [flops](double s, double p) { return flops / s / p; });
}

Json Timing::nanoseconds_per(double count) const {
  return each(seconds, seconds, [count](double s, double) { return s * 1e9 / count; });
}

Json Timing::conditions() const {
  Json row = {{"peak_gflops", each(peak, peak, [](double p, double) { return p * 1e-9; })},
              {"on_core", figure(on_core)}};
  if (handover.front() > 0) {
    row["handover_ns"] = each(handover, handover, [](double s, double) { return s * 1e9; });
  }
  return row;
}

Json figure(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t middle = samples.size() / 2;
  const double median =
      samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
  return {
      {"median", median}, {"min", samples.front()}, {"max", samples.back()}, {"repetitions", samples.size()}};
}

Json ratio(const Timing& a, const Timing& b) {
  return each(a.seconds, b.seconds, [](double of_a, double of_b) { return of_a / of_b; });
}

std::vector<Timing> measure(const Bench& bench, const std::vector<Work>& works) {
  for (const Work& work : works) {
    omp_set_num_threads(work.threads);
    work.once();
  }
  std::vector<Timing> timings(works.size());
  for (int r = 0; r < bench.repetitions; ++r) {
    for (std::size_t w = 0; w < works.size(); ++w) {
      omp_set_num_threads(works[w].threads);
      Timing& timing = timings[w];
      const Peak before = peak_of_all_ranks(bench);
      timing.handover.push_back(handover_seconds());
      timing.seconds.push_back(repetition(bench, works[w]));
      const Peak after = peak_of_all_ranks(bench);
      timing.peak.push_back((before.flops_per_second + after.flops_per_second) / 2);
      timing.on_core.push_back(std::min(before.on_core, after.on_core));
    }
  }
  omp_set_num_threads(1);
  return timings;
}

Timing measure(const Bench& bench, const Work& work) { return measure(bench, std::vector{work}).front(); }

std::vector<int> thread_counts() {
  const auto cpus = static_cast<int>(cpus_allowed().size());
  const std::set<int> counts = {1, std::min(2, cpus), cpus};
  return {counts.begin(), counts.end()};
}

std::string counted(int count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace plexus::bench
