#include "mpi/watchdog.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>

#include "mpi/process.hpp"
#include "src/support/exit_code.hpp"
#include "src/support/sign_of_life.hpp"

namespace plexus {

namespace activity {

namespace {

// Written by the main thread, read by the watchdog and by crash handlers. They are not consistent with each
// other at any instant, but they are once the main thread stands still.
std::atomic<std::uint64_t> signs{0};
std::atomic<const char*> now_at{nullptr};
std::atomic<std::int64_t> now_number{-1};
std::atomic<std::int64_t> now_epoch{-1};
std::atomic<std::int64_t> now_step{-1};
std::atomic<const char*> collective_name{nullptr};
std::atomic<std::int64_t> collective_number{-1};
std::atomic<void (*)()> observer_of_signs{nullptr};

constexpr auto relaxed = std::memory_order_relaxed;

void sign_of_main_thread() noexcept { signs.store(signs.load(relaxed) + 1, relaxed); }

std::uint64_t all_signs() noexcept { return signs.load(relaxed) + signs_of_life(); }

void call_observer() {
  if (void (*const observer)() = observer_of_signs.load(relaxed)) observer();
}

}  // namespace

void at(const char* what, std::int64_t number) {
  now_at.store(what, relaxed);
  now_number.store(number, relaxed);
  sign_of_main_thread();
  call_observer();
}

void observe(void (*observer)()) noexcept { observer_of_signs.store(observer, relaxed); }

void position(std::int64_t epoch, std::int64_t step) noexcept {
  now_epoch.store(epoch, relaxed);
  now_step.store(step, relaxed);
  sign_of_main_thread();
}

const char* what() noexcept { return now_at.load(relaxed); }

std::string describe() {
  std::string text;
  const auto append = [&text](const std::string& part) {
    if (!text.empty()) text += ", ";
    text += part;
  };
  if (const char* name = now_at.load(relaxed)) {
    const auto number = now_number.load(relaxed);
    append(number < 0 ? fmt::format("in '{}'", name) : fmt::format("in '{} {}'", name, number));
  }
  if (now_epoch.load(relaxed) >= 0) {
    append(fmt::format("epoch {}, step {}", now_epoch.load(relaxed), now_step.load(relaxed)));
  }
  if (const char* name = collective_name.load(relaxed)) {
    append(fmt::format("waiting for other ranks in collective call no. {} ('{}')",
                       collective_number.load(relaxed), name));
  }
  return text;
}

Collective::Collective(const char* name, std::int64_t number) {
  collective_number.store(number, relaxed);
  collective_name.store(name, relaxed);
  sign_of_main_thread();
  call_observer();
}

Collective::~Collective() {
  collective_name.store(nullptr, relaxed);
  sign_of_main_thread();
}

}  // namespace activity

namespace {

/// A thread that leaves all signals to the other threads: handlers of stop requests belong to the main
/// thread.
std::thread thread_without_signals(std::function<void()> body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

Watchdog::Watchdog(Options options) : options_(std::move(options)) {
  if (options_.seconds > 0.0) thread_ = thread_without_signals([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::watch() {
  using Clock = std::chrono::steady_clock;
  const double period = std::min(1.0, options_.seconds / 20.0);
  const double extra = std::max(3.0, options_.seconds / 10.0);
  auto seen = activity::all_signs();
  auto last_look = Clock::now();
  double still = 0.0;

  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, std::chrono::duration<double>(period), [this] { return stopping_; })) {
    const auto look = Clock::now();
    const double passed = std::chrono::duration<double>(look - last_look).count();
    last_look = look;
    const auto now = activity::all_signs();
    if (now != seen) {
      seen = now;
      still = 0.0;
      continue;
    }
    // A longer pause means that this thread did not run either: the process was stopped, not hung.
    still += std::min(passed, 2.0 * period);
    const bool waiting = activity::collective_name.load(activity::relaxed) != nullptr;
    if (still >= options_.seconds + (waiting ? extra : 0.0)) {
      report_hang(still);
      return;
    }
  }
}

void Watchdog::report_hang(double still_seconds) const {
  const bool waiting = activity::collective_name.load(activity::relaxed) != nullptr;
  const auto where = activity::describe();
  std::string report = fmt::format(
      "plexus: rank {} of {} on host {} has stood still for {:.0f} s{}{}, after {} signs of life. ",
      options_.rank, options_.size, host_name(), still_seconds, where.empty() ? "" : " ", where,
      activity::all_signs());
  if (waiting) {
    report +=
        "It waits for a rank that has not made this call: one at a lower number, elsewhere, or silent. ";
  }
  report += fmt::format(
      "The job ends with exit code {}; resume it from the last checkpoint. If the work is only slow, "
      "raise parallel.watchdog_seconds.\n",
      static_cast<int>(ExitCode::fault));
  if (options_.on_hang) {
    options_.on_hang(report);
    return;
  }
  // On a thread of its own: the file system or the launcher's pipe may be what hangs.
  std::thread([report, directory = options_.directory, rank = options_.rank] {
    write_stderr(report);
    if (!directory.empty()) std::ofstream(directory / fmt::format("hang.rank{}.txt", rank)) << report;
  }).detach();
  // The first rank to leave takes the others with it. Let those that stand still too write their files:
  // together they tell which rank is missing.
  std::this_thread::sleep_for(std::chrono::seconds(1));
  _exit(static_cast<int>(ExitCode::fault));
}

}  // namespace plexus
