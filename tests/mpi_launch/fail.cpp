// A small training-like program that fails in the way its first argument names. `expect_failure.sh` checks
// how the job ends. The last rank is the one that fails, unless all do.

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/crash_handlers.hpp"
#include "mpi/guarded_main.hpp"
#include "mpi/mpi_context.hpp"
#include "mpi/watchdog.hpp"

namespace plexus {
namespace {

[[noreturn]] void sleep_for_ever() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

/// What the failing rank does at its third step.
void fail(const std::string& mode) {
  if (mode == "lone_input_error") throw InputError("cannot read 'images.gz'. Check data.path.");
  if (mode == "lone_exception") throw std::out_of_range("index 7 of 3");
  if (mode == "killed") raise(SIGKILL);
  if (mode == "stopped") raise(SIGSTOP);
  if (mode == "sleeps") sleep_for_ever();
  if (mode == "segmentation_fault") raise(SIGSEGV);
  if (mode == "terminate") std::thread([] { throw Fault("the writer thread failed"); }).join();
}

ExitCode run(DistributedContext& ctx, const std::string& mode) {
  const bool fails = ctx.rank() == ctx.size() - 1;
  const std::vector<float> values(1000, 1.0f);
  const auto sums = ctx.float_sums(1 << 16);
  const auto part = ctx.split(0);
  const auto messages = part->peer_messages();
  std::vector<float> incoming(values.size());
  for (int step = 0; step < 10; ++step) {
    activity::position(0, step);
    activity::at("gradient exchange, layer", 0);
    std::ranges::copy(values, sums->next(values.size()).begin());
    sums->start();
    if (step == 3 && mode == "all_ranks") on_all_ranks(ctx, [] { throw InputError("unknown key 'epoch'"); });
    if (step == 3 && fails) fail(mode);
    if (step == 3 && mode == "other_call") static_cast<void>(fails ? sum(ctx, 1) : largest(ctx, 1));
    if (mode == "stopped_before_message") {
      if (step == 3 && fails) raise(SIGSTOP);
      messages->receive((part->rank() + 1) % part->size(), std::as_writable_bytes(std::span(incoming)));
      messages->send((part->rank() + part->size() - 1) % part->size(), std::as_bytes(std::span(values)));
      messages->wait();
    }
    sums->wait();
    sums->pop();
    ctx.barrier();
  }
  return mode == "again" ? ExitCode::again : ExitCode::ok;
}

}  // namespace
}  // namespace plexus

/// fail MODE WATCHDOG_SECONDS [DIRECTORY]
int main(int argc, char** argv) {
  using namespace plexus;
  if (argc < 3) {
    fmt::print(stderr, "usage: fail MODE WATCHDOG_SECONDS [DIRECTORY]\n");
    return static_cast<int>(ExitCode::input);
  }
  const std::string mode = argv[1];
  Watchdog::Options options;
  options.seconds = std::stod(argv[2]);
  if (argc > 3) options.directory = argv[3];

  MpiContext::Options ranks;
  ranks.check_calls = mode == "other_call";
  MpiContext context(argc, argv, ranks);
  install_crash_handlers(context.rank(), context.size());
  options.rank = context.rank();
  options.size = context.size();
  const Watchdog watchdog(options);
  return run_guarded(context, [&] { return run(context, mode); });
}
