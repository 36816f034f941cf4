// plexus_bench: what the machine can do, and how near to it plexus comes. See README.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "io/tuning_file.hpp"
#include "mpi/collective_check.hpp"
#include "mpi/guarded_main.hpp"
#include "mpi/mpi_context.hpp"
#include "src/nn/measured_tuning.hpp"
#include "src/support/error.hpp"
#include "src/support/heap.hpp"
#include "src/support/library_settings.hpp"
#include "src/support/text.hpp"
#include "tests/bench/machine.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/parts.hpp"
#include "tests/bench/report.hpp"

namespace {

namespace bench = plexus::bench;
using plexus::ExitCode;

struct Options {
  std::vector<std::string> only;
  std::string out;
  bool quick = false;
};

std::vector<std::string> part_names() {
  std::vector<std::string> names;
  for (const bench::Part& part : bench::parts()) names.emplace_back(part.name);
  return names;
}

void check_options(const Options& options, int ranks) {
  for (const std::string& name : options.only) {
    const auto names = part_names();
    plexus::require(std::ranges::find(names, name) != names.end(), "there is no part '{}'. {}", name,
                    plexus::known_names_hint(name, names));
  }
  plexus::require(ranks == 1 || options.only == std::vector<std::string>{"epoch"},
                  "{} ranks can only run the part 'epoch'. Give --only epoch, or run without mpirun.", ranks);
}

/// As `plexus train` does it.
void tune_kernels() {
  const plexus::TuningKey key = plexus::tuning_key(PLEXUS_VERSION);
  const auto measure = [] { return plexus::measured_kernel_tuning(); };
  plexus::use_kernel_tuning(plexus::find_tuning(plexus::tuning_path(key), key, measure).tuning);
}

ExitCode run(plexus::DistributedContext& ctx, const Options& options) {
  bench::Bench settings{ctx};
  settings.quick = options.quick;
  if (options.quick) settings.repetition_seconds = 0.005;
  const bool writes = ctx.rank() == 0 && !options.out.empty();
  bench::Json results = plexus::on_all_ranks(ctx, [&] {
    check_options(options, ctx.size());
    tune_kernels();
    const bench::Json origin = {{"machine", bench::machine()},
                                {"repetitions", settings.repetitions},
                                {"repetition_seconds", settings.repetition_seconds}};
    return options.out.empty() ? origin : bench::collected(options.out, origin);
  });
  plexus::on_all_ranks(ctx, [&] {  // not before all have read; rather now than after minutes, if it fails
    if (writes) bench::write_results(options.out, results);
  });
  for (const bench::Part& part : bench::parts()) {
    if (!options.only.empty() && std::ranges::find(options.only, part.name) == options.only.end()) continue;
    if (ctx.rank() == 0) fmt::print(stderr, "measuring: {}\n", part.name);
    auto& rows = results["parts"][part.name];
    rows.update(part.run(settings));
    if (part.complete != nullptr) part.complete(rows);
    if (writes) bench::write_results(options.out, results);
  }
  if (ctx.rank() == 0 && options.out.empty()) fmt::print("{}", bench::table_of(results));
  return ExitCode::ok;
}

ExitCode parse_and_run(int argc, char** argv, plexus::DistributedContext& ctx) {
  CLI::App app("Measures plexus, and the machine it runs on, in one run.");
  app.name("plexus_bench");
  Options options;
  app.add_option("--only", options.only,
                 fmt::format("the parts to measure: {}", fmt::join(part_names(), ", ")));
  app.add_option("--out", options.out,
                 "folder for bench.json and table.md; parts that are not measured keep their figures there");
  app.add_flag("--short", options.quick, "few cases and short repetitions: less than a minute");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    const int code = ctx.rank() == 0 ? app.exit(stop) : stop.get_exit_code();
    return code == 0 ? ExitCode::ok : ExitCode::input;
  }
  return run(ctx, options);
}

}  // namespace

int main(int argc, char** argv) {
  plexus::set_up_libraries(argv);
  plexus::keep_freed_memory();
  plexus::MpiContext ctx(argc, argv);
  return plexus::run_guarded(ctx, [&] { return parse_and_run(argc, argv, ctx); });
}
