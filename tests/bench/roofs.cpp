// Which speeds can no program on this machine exceed?
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tests/bench/machine.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/parts.hpp"
#include "tests/bench/reads.hpp"

namespace plexus::bench {

namespace {

constexpr double gib = 1024.0 * 1024 * 1024;

/// Lines for each thread, filled by it.
std::vector<Lines> lines_of_threads(int threads, double bytes_per_thread) {
  std::vector<Lines> all(static_cast<std::size_t>(threads));
  const auto count = static_cast<std::size_t>(bytes_per_thread / sizeof(Line)) / 4 * 4;
#pragma omp parallel num_threads(threads)
  all[static_cast<std::size_t>(omp_get_thread_num())].assign(count, Line{{1}});
  return all;
}

/// Calls read(thread) on all threads, `times` over. It is compiled elsewhere: its reads cannot be left out.
template <class Read>
Work reading(int threads, int times, Read read) {
  return timed(
      [=] {
#pragma omp parallel num_threads(threads)
        for (int i = 0; i < times; ++i) read(static_cast<std::size_t>(omp_get_thread_num()));
      },
      threads);
}

Json gb_per_second(const Timing& timing, double bytes) {
  std::vector<double> rates;
  for (const double seconds : timing.seconds) rates.push_back(bytes / seconds * 1e-9);
  return figure(std::move(rates));
}

/// Read bandwidth of a level of the memory, all threads together.
Json in_order(const Bench& bench, int threads, double bytes_per_thread) {
  const auto lines = lines_of_threads(threads, bytes_per_thread);
  const double bytes = static_cast<double>(lines[0].size() * sizeof(Line));
  const int times = std::max(1, static_cast<int>(64e6 / bytes));
  const auto timing =
      measure(bench, reading(threads, times, [&](std::size_t t) { read_in_order(lines[t]); }));
  return gb_per_second(timing, bytes * times * threads);
}

Json at_random(const Bench& bench, int threads) {
  constexpr std::uint64_t count = 200'000;
  const auto lines = lines_of_threads(1, gib).front();
  std::vector<std::uint64_t> next(static_cast<std::size_t>(threads));
  for (std::size_t t = 0; t < next.size(); ++t) next[t] = t << 40;
  const auto timing = measure(bench, reading(threads, 1, [&](std::size_t t) {
                                const std::uint64_t first = next[t];
                                next[t] += count;
                                static_cast<void>(read_at_random(lines, first, first + count));
                              }));
  return gb_per_second(timing, static_cast<double>(count * sizeof(Line)) * threads);
}

}  // namespace

Json roofs(const Bench& bench) {
  const auto l1 = static_cast<double>(cache_bytes(1));
  const auto l2 = static_cast<double>(cache_bytes(2));
  const auto l3 = static_cast<double>(cache_bytes(3));
  Json rows;
  for (const int threads : thread_counts()) {
    Json row = {{"threads", threads}};
    row.update(measure(bench, timed([] {}, threads)).conditions());
    if (l1 > 0) row["l1_gb_s"] = in_order(bench, threads, 0.6 * l1);
    if (l2 > 0) row["l2_gb_s"] = in_order(bench, threads, 0.6 * l2);
    if (l3 > 0) {
      // Well beyond L2, and what the threads that share it have of L3.
      row["l3_gb_s"] =
          in_order(bench, threads, std::max(2 * l2, std::min(0.6 * l3 / threads, std::sqrt(l2 * l3))));
    }
    row["dram_gb_s"] = in_order(bench, threads, gib / threads);
    row["random_gb_s"] = at_random(bench, threads);
    rows[counted(threads, "thread")] = std::move(row);
  }
  return rows;
}

}  // namespace plexus::bench
