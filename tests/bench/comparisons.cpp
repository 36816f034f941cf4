// How do the phases compare with other people's products on the same matrices, one thread?
#include <fmt/format.h>
#include <omp.h>
#include <stdio.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/support/error.hpp"
#include "tests/bench/layer_step.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/parts.hpp"
#include "tests/bench/rivals.hpp"

namespace plexus::bench {

namespace {

constexpr Index neurons = 1000;
constexpr double density = 0.04;
constexpr Offset samples = 128;

/// Throws where two ways of computing the same do not come to the same, to rounding.
void check_same(const char* what, const std::vector<Real>& ours, const std::vector<Real>& theirs) {
  ensure(ours.size() == theirs.size(), "{}: {} values instead of {}", what, theirs.size(), ours.size());
  Real largest = 0;
  Real difference = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    largest = std::max(largest, std::abs(ours[i]));
    difference = std::max(difference, std::abs(ours[i] - theirs[i]));
  }
  ensure(largest > 0 && difference < 1e-4F * largest, "{}: a difference of {} among values up to {}", what,
         difference, largest);
}

struct Contest {
  LayerStep step;
  Rivals rivals;

  explicit Contest(const LayerSnapshot& layer)
      : step(layer, samples), rivals(layer.topology, layer.values, step.inputs(), step.deltas()) {}

  void check() {
    step.forward();
    step.backward(Sums::fast);
    step.gradient(Sums::fast);
    rivals.eigen_forward();
    check_same("Eigen's forward product", step.outputs(), rivals.outputs());
    rivals.openblas_forward();
    check_same("OpenBLAS's forward product", step.outputs(), rivals.outputs());
    rivals.eigen_input_gradient();
    check_same("Eigen's transposed product", step.input_gradients(), rivals.input_gradients());
    rivals.plain_gradient();
    check_same("the plain gradient loop", step.weight_gradients(), rivals.weight_gradients());
    rivals.eigen_gradient();
    check_same("Eigen's gradient", step.weight_gradients(), rivals.weight_gradients());
  }
};

/// One line of the comparison. The first contestants of a phase are ours.
struct Contestant {
  const char* name;
  Work work;
};

void compare(const Bench& bench, Json& rows, const std::string& phase, double flops,
             const std::vector<Contestant>& contestants) {
  std::vector<Work> works;
  for (const Contestant& c : contestants) works.push_back(c.work);
  const auto timings = measure(bench, works);
  std::vector<std::size_t> ours;
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    if (std::string(contestants[i].name).starts_with("plexus")) ours.push_back(i);
  }
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    Json row = {{"phase", phase},
                {"product", contestants[i].name},
                {"microseconds", timings[i].nanoseconds_per(1e3)},
                {"useful_share", timings[i].share(flops)},
                {"over_exact", ratio(timings[i], timings[ours.front()])},
                {"over_fast", ratio(timings[i], timings[ours.back()])}};
    row.update(timings[i].conditions());
    rows[fmt::format("{}: {}", phase, contestants[i].name)] = std::move(row);
  }
}

/// What a program prints, as JSON; nothing when it fails.
std::optional<Json> json_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  ensure(pipe != nullptr, "cannot start '{}'", command);
  std::string text;
  std::array<char, 4096> block;
  while (const std::size_t count = fread(block.data(), 1, block.size(), pipe.get())) {
    text.append(block.data(), count);
  }
  auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

/// A program that times forward products by itself. Called with neurons, density, samples, repetitions and
/// seconds for each, it prints its version and for each way of multiplying the seconds.
struct Program {
  std::string name;
  std::string command;
  std::string how_to_get;
};

/// The program runs between two measurements of ours.
void compare_with_program(const Bench& bench, Json& rows, LayerStep& step, const Program& program) {
  const auto before = measure(bench, timed([&] { step.forward(); }));
  const auto result =
      json_of(fmt::format("OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 {} {} {} {} {} {}", program.command,
                          neurons, density, samples, bench.repetitions, bench.repetition_seconds));
  const auto after = measure(bench, timed([&] { step.forward(); }));
  if (!result.has_value()) {
    rows[program.name] = {{"note", "not measured: " + program.how_to_get}};
    return;
  }
  Timing ours = before;
  for (std::size_t r = 0; r < ours.seconds.size(); ++r) {
    ours.seconds[r] = (before.seconds[r] + after.seconds[r]) / 2;
    ours.peak[r] = (before.peak[r] + after.peak[r]) / 2;
  }
  for (const auto& [way, seconds] : (*result)["seconds"].items()) {
    Timing theirs = ours;
    theirs.seconds = seconds.get<std::vector<double>>();
    const auto name = fmt::format("{} {}, {}", program.name, (*result)["version"].get<std::string>(), way);
    auto& row = rows["forward: " + name];
    row = {{"phase", "forward"},
           {"product", name},
           {"microseconds", theirs.nanoseconds_per(1e3)},
           {"useful_share", theirs.share(step.flops(1))},
           {"over_exact", ratio(theirs, ours)},
           {"over_fast", ratio(theirs, ours)}};
    row.update(theirs.conditions());
  }
}

/// Programs of the same forward product that cannot be part of this one: Python's, and Eigen's compiled with
/// other instruction sets than those of this machine.
std::vector<Program> other_programs() {
  std::vector<Program> programs = {{"SciPy", fmt::format("/usr/bin/python3 -B {}", PLEXUS_SCIPY_SCRIPT),
                                    "/usr/bin/python3 has no SciPy (package python3-scipy)"}};
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const char* set : {"avx2", "baseline"}) {
    const std::string file = (folder / fmt::format("plexus_bench_eigen_{}", set)).string();
    programs.push_back({"Eigen", file, fmt::format("'{}' does not run on this machine", file)});
  }
  return programs;
}

/// Density at which two straight lines between measurements cross, if they do.
std::optional<double> crossing(const std::vector<double>& densities, const std::vector<double>& over_sparse) {
  for (std::size_t i = 1; i < densities.size(); ++i) {
    if (over_sparse[i - 1] > 1 && over_sparse[i] <= 1) {
      const double part = (over_sparse[i - 1] - 1) / (over_sparse[i - 1] - over_sparse[i]);
      return densities[i - 1] + part * (densities[i] - densities[i - 1]);
    }
  }
  return std::nullopt;
}

}  // namespace

Json comparison(const Bench& bench) {
  omp_set_num_threads(1);
  Contest contest(new_layer(neurons, neurons, density));
  contest.check();
  LayerStep& step = contest.step;
  Rivals& rivals = contest.rivals;
  Json rows;
  compare(
      bench, rows, "forward", step.flops(1),
      {{"plexus", timed([&] { step.forward(); })},
       {"Eigen sparse x dense, row-major, all of this machine's instructions",
        timed([&] { rivals.eigen_forward(); })},
       {"Eigen sparse x dense, column-major, the same", timed([&] { rivals.eigen_forward_column_major(); })},
       {"OpenBLAS sgemm, dense", timed([&] { rivals.openblas_forward(); })}});
  for (const Program& program : other_programs()) compare_with_program(bench, rows, step, program);
  compare(bench, rows, "gradient", step.flops(1),
          {{"plexus, exact", timed([&] { step.gradient(Sums::exact); })},
           {"plexus, fast", timed([&] { step.gradient(Sums::fast); })},
           {"plain loop", timed([&] { rivals.plain_gradient(); })},
           {"Eigen dot of rows", timed([&] { rivals.eigen_gradient(); })}});
  compare(bench, rows, "backward", step.flops(2),
          {{"plexus, exact", timed([&] { step.backward(Sums::exact); })},
           {"plexus, fast", timed([&] { step.backward(Sums::fast); })},
           {"Eigen transposed view, dot of rows, plain update", timed([&] {
              rivals.eigen_input_gradient();
              rivals.eigen_gradient();
              rivals.plain_update();
            })},
           {"Eigen transposed copy, dot of rows, plain update", timed([&] {
              rivals.eigen_input_gradient_of_copy();
              rivals.eigen_gradient();
              rivals.plain_update();
            })}});
  rows["Eigen"] = {{"note", eigen_version()}};
  rows["OpenBLAS"] = {{"note", openblas_version()}};
  return rows;
}

Json densities(const Bench& bench) {
  omp_set_num_threads(1);
  std::vector<double> densities = {0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
  if (bench.quick) densities = {0.1, 0.4, 0.6};
  std::vector<double> over_sparse;
  Json rows;
  for (const double density_now : densities) {
    Contest contest(new_layer(neurons, neurons, density_now));
    const auto timings = measure(
        bench, {timed([&] { contest.step.forward(); }), timed([&] { contest.rivals.eigen_forward(); }),
                timed([&] { contest.rivals.openblas_forward(); })});
    Json row = {{"density", density_now},
                {"forward_share", timings[0].share(contest.step.flops(1))},
                {"plexus_us", timings[0].nanoseconds_per(1e3)},
                {"eigen_us", timings[1].nanoseconds_per(1e3)},
                {"openblas_us", timings[2].nanoseconds_per(1e3)},
                {"eigen_over", ratio(timings[1], timings[0])},
                {"openblas_over", ratio(timings[2], timings[0])}};
    row.update(timings[0].conditions());
    over_sparse.push_back(row["openblas_over"]["median"]);
    rows[fmt::format("density {}", density_now)] = std::move(row);
  }
  const auto equal = crossing(densities, over_sparse);
  rows["crossover"] = {
      {"note", equal.has_value()
                   ? fmt::format("the dense product is as fast at a density of {:.1f} %", 100 * *equal)
                   : std::string("none in this range")}};
  return rows;
}

}  // namespace plexus::bench
