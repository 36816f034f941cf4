#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/command.hpp"
#include "jobs/version.hpp"
#include "mpi/crash_handlers.hpp"
#include "mpi/guarded_main.hpp"
#include "mpi/mpi_context.hpp"
#include "mpi/process.hpp"
#include "mpi/staged_failure.hpp"
#include "src/support/error.hpp"
#include "src/support/heap.hpp"
#include "src/support/library_settings.hpp"
#include "src/support/text.hpp"

namespace {

using plexus::Action;
using plexus::ExitCode;

bool is_set(const char* variable, std::string_view value) {
  const char* found = std::getenv(variable);
  return found != nullptr && found == value;
}

void require_known_subcommand(const CLI::App& app, const std::string& name) {
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  plexus::require(name.starts_with('-') || std::ranges::find(known, name) != known.end(),
                  "unknown subcommand '{}'. {} Run with --help for more information.", name,
                  plexus::known_names_hint(name, known));
}

/// Reads the command line and runs the subcommand. Messages about the command line come from rank 0 only.
ExitCode parse_and_run(int argc, char** argv, plexus::DistributedContext* ctx) {
  CLI::App app("plexus trains truly sparse neural networks whose wiring evolves, on many machines with MPI.");
  app.name("plexus");
  app.require_subcommand(1);
  app.set_version_flag("--version", plexus::version_text());
  app.footer("plexus SUBCOMMAND --help explains each of them.");
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return fmt::format("plexus: {}. Run with --help for more information.\n", error.what());
  });
  Action action;
  plexus::add_train_command(app, action, ctx);
  plexus::add_inspect_command(app, action);
  plexus::add_list_command(app, action);
  plexus::add_plan_command(app, action);
  plexus::add_doctor_command(app, action, ctx);
  if (argc > 1) require_known_subcommand(app, argv[1]);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    const bool silent = ctx != nullptr && ctx->rank() != 0;
    const int code = silent ? stop.get_exit_code() : app.exit(stop);
    return code == 0 ? ExitCode::ok : ExitCode::input;
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  plexus::set_up_libraries(argv);
  plexus::keep_freed_memory();
  // A file beyond `ulimit -f` is like a full disk: its write fails, the run goes on.
  std::signal(SIGXFSZ, SIG_IGN);
  const bool with_ranks =
      argc > 1 && (std::string_view(argv[1]) == "train" || std::string_view(argv[1]) == "doctor");
  if (with_ranks) {
    plexus::MpiContext::Options options;
    options.shared_memory = plexus::wants_shared_memory();
    options.check_calls = is_set("PLEXUS_CHECK_CALLS", "on");
    plexus::MpiContext ctx(argc, argv, options);
    plexus::install_crash_handlers(ctx.rank(), ctx.size());
    return plexus::run_guarded(ctx, [&] {
      plexus::stage_failure(std::getenv(plexus::staged_failure_variable), ctx.rank());
      return parse_and_run(argc, argv, &ctx);
    });
  }
  try {
    return static_cast<int>(parse_and_run(argc, argv, nullptr));
  } catch (const plexus::Error& error) {
    fmt::print(stderr, "plexus: {}\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "plexus: {}\n", error.what());
    return static_cast<int>(ExitCode::fault);
  }
}
