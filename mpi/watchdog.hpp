#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace plexus {

/// What this process is doing. One process is one rank, so there is one of these; the threads of an
/// in-process group share it, which does no harm as nobody acts on it there. Names are string literals: only
/// the pointer is kept. Cost: a few relaxed stores.
namespace activity {

/// A sign of life: the main thread enters `what`, e.g. "gradient exchange, layer", for the `number`-th layer
/// or block. Call it at least once in each second of normal work. Independent. Throws only what an observer
/// does.
void at(const char* what, std::int64_t number = -1);

/// A sign of life: training has got to this step. Independent.
void position(std::int64_t epoch, std::int64_t step) noexcept;

/// "in 'gradient exchange, layer 2', epoch 4, step 17, waiting for other ranks in collective call no. 182
/// ('sum')", as far as known; empty when nothing is. Independent.
[[nodiscard]] std::string describe();

/// The last `what`, or null. Independent; safe in a signal handler.
[[nodiscard]] const char* what() noexcept;

/// From now on `at` and the beginning of each collective call also call `observer`, which may throw; null
/// ends that. For failures that tests stage (`staged_failure.hpp`). Independent.
void observe(void (*observer)()) noexcept;

/// Says for as long as it lives that the main thread may be waiting for other ranks. Contexts use it.
class Collective {
 public:
  Collective(const char* name, std::int64_t number);
  ~Collective();
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;
};

}  // namespace activity

/// A thread that ends a rank which shows no sign of life, so that no job hangs until its time limit. It makes
/// no MPI call. MPI notices a dead rank, but neither a stopped nor a looping one.
///
/// A rank that waits in a collective call is given a tenth of the time (at least 3 s, so that launchers can
/// end the job) more, so that the rank which keeps the others waiting speaks first. Time in which the whole
/// process stood still (a debugger, a suspended job) does not count.
class Watchdog {
 public:
  struct Options {
    int rank = 0;
    int size = 1;
    double seconds = 120.0;           ///< without a sign of life; 0 = no watchdog
    std::filesystem::path directory;  ///< where `hang.rank<k>.txt` goes; empty = nowhere
    /// Gets the report instead of stderr; the process then lives on. For tests.
    std::function<void(const std::string& report)> on_hang;
  };

  /// Independent. Starts the thread.
  explicit Watchdog(Options options);
  /// Ends it.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void watch();
  void report_hang(double still_seconds) const;

  Options options_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace plexus
