#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "io/speed_file.hpp"
#include "jobs/command.hpp"
#include "jobs/tune_kernels.hpp"
#include "jobs/version.hpp"
#include "mpi/collective_check.hpp"
#include "mpi/measured_machine.hpp"
#include "mpi/rank_report.hpp"
#include "src/sparse/kernels.hpp"
#include "src/support/parallel.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

constexpr int most_threads = 4096;

/// A line for each width: what a kernel makes of slabs that stay in a cache, and of those that do not.
void print_widths(const SlabSpeed& speed, int samples) {
  for (std::size_t i = 0; i < speed.forward.size(); ++i) {
    fmt::print("{:>10}  {:>8}  {:>8.2f}  {:>8.2f}  {:>12.2f}\n",
               with_separators(static_cast<Offset>(speed.forward[i].at)), samples, speed.forward[i].value,
               speed.backward[i].value, speed.first[i].value);
  }
}

void print(const KernelSpeed& speed) {
  fmt::print("\nkernels: ns per connection and 16 samples (exact gradients), by neurons read at random\n");
  fmt::print("{:>10}  {:>8}  {:>8}  {:>8}  {:>12}\n", "neurons", "slab", "forward", "backward",
             "first layer");
  print_widths(speed.full, slab_lines * line_samples);
  print_widths(speed.half, shard_samples);
  std::string steps;
  for (const CurvePoint& point : speed.step) {
    steps += fmt::format("{}{:.2f} ns of {}", steps.empty() ? "" : ", ", point.value,
                         with_separators(static_cast<Offset>(point.at)));
  }
  fmt::print("step per connection  {}\n", steps);
  fmt::print(
      "per 16 samples       {:.1f} to {:.1f} ns a neuron, {:.1f} more with dropout; {:.1f} an input; {:.1f} "
      "an output\n",
      speed.neuron.front().value, speed.neuron.back().value, speed.dropout, speed.gather, speed.loss);
  fmt::print("dense layers         {:.2f} ns a cell forward, {:.2f} backward\n", speed.dense_forward,
             speed.dense_backward);
}

void print(const MeasuredNetwork& network) {
  fmt::print("\nbetween ranks\n");
  fmt::print("barrier              {:.1f} us\n", 1e6 * network.barrier);
  fmt::print("sum of one value     {:.1f} us, maximum of some {:.1f} us\n", 1e6 * network.short_sum,
             1e6 * network.speed.agreement);
  fmt::print("messages             latency {:.1f} us, each more {:.1f} us, {:.2f} GB/s\n",
             1e6 * network.speed.latency, 1e6 * network.speed.message, 1e-9 * network.speed.bandwidth);
  for (const CurvePoint& point : network.speed.sums) {
    fmt::print("sums of gradients    {:>9}: {:.2f} GB/s sent by each rank\n",
               as_bytes(static_cast<Offset>(point.at)), 1e-9 / point.value);
  }
  fmt::print("while computing      {:.0f} % of the time of sums is hidden\n", 100 * network.speed.hidden);
}

struct DoctorOptions {
  int threads = 1;
  bool quick = false;
};

ExitCode examine(DistributedContext& ctx, const DoctorOptions& options) {
  if (options.threads < 0 || options.threads > most_threads) {
    throw RanksFailed(ExitCode::input,
                      fmt::format("--threads is {} (must be from 1 to {}, or 0 for all cores of a rank).",
                                  options.threads, most_threads));
  }
  const int threads = options.threads > 0 ? options.threads : static_cast<int>(cpus_allowed().size());
  omp_set_num_threads(threads);
  const bool speaks = ctx.rank() == 0;
  const auto places = gather_places(ctx, threads);
  if (speaks) {
    fmt::print("plexus {}  {} rank{} x {} thread{}, {} kernels\n{}", code_version(), ctx.size(),
               ctx.size() == 1 ? "" : "s", threads, threads == 1 ? "" : "s", kernels().name,
               places_table(places));
    fmt::print("measuring for {}\n", options.quick ? "about a second" : "ten to fifteen seconds");
    std::fflush(stdout);
    for (const std::string& warning : placement_warnings(places))
      fmt::print(stderr, "plexus: warning: {}\n", warning);
  }
  const TuningKey key = tuning_key(code_version());
  tune_kernels(ctx);
  const MeasuredMachine machine = measured_machine(ctx, options.quick ? Effort::quick : Effort::full);
  SpeedEntry entry{{ctx.size(), threads, machines_of(places), share_memory(ctx)}, machine.kernels, {}};
  if (ctx.size() > 1) entry.network = machine.network.speed;
  if (speaks) {
    print(machine.kernels);
    if (ctx.size() > 1) {
      print(machine.network);
    } else {
      fmt::print("\nOne rank: nothing to measure between ranks. mpirun -n 2 plexus doctor does.\n");
    }
    const auto path = speed_path(key);
    const bool kept = keep_speed(path, key, entry);
    fmt::print("\n{} {}\n", kept ? "kept for `plexus plan --network measured` in" : "cannot be kept in",
               path.empty() ? "any folder: neither HOME nor XDG_CACHE_HOME is set" : path.string());
  }
  return ExitCode::ok;
}

}  // namespace

void add_doctor_command(CLI::App& app, Action& action, DistributedContext* ctx) {
  auto* command = app.add_subcommand(
      "doctor", "Show where ranks run and measure how fast they are: mpirun -n 4 plexus doctor");
  auto options = std::make_shared<DoctorOptions>();
  command->add_option("--threads", options->threads, "threads of a rank; 0 for all its cores")
      ->capture_default_str();
  command->add_flag(
      "--quick", options->quick,
      "about a second instead of ten or more; layers of more than 4,096 neurons are then a guess");
  command->callback([&action, options, ctx] { action = [options, ctx] { return examine(*ctx, *options); }; });
}

}  // namespace plexus
