#pragma once

#include <signal.h>

#include <array>

namespace plexus {

/// Catches the signals by which a person or a batch system asks a job to stop (SIGTERM, SIGUSR1) for as long
/// as it lives. The handler only sets a flag; the trainer reads it at the end of a step, agrees with the
/// other ranks, writes a checkpoint and leaves with `ExitCode::again`. One at a time in a process.
class StopRequest {
 public:
  /// Independent. Forgets earlier requests.
  StopRequest();
  /// Puts the previous handlers back.
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// Independent: true on the ranks the signal has reached, which need not be all.
  [[nodiscard]] bool requested() const;
  /// Name of the first signal, "SIGTERM" or "SIGUSR1"; empty if there was none. Independent.
  [[nodiscard]] const char* which() const;

 private:
  std::array<struct sigaction, 2> previous_;
};

}  // namespace plexus
