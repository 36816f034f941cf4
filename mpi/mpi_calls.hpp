#pragma once

#define OMPI_SKIP_MPICXX 1  // only the C interface: the C++ one left the standard in MPI 3.0
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <sched.h>

#include <span>

namespace plexus {

/// @throws Fault that names `call` unless its result `code` says success
void check_mpi(int code, const char* call);

/// Lets MPI make progress. @return whether all `requests` are complete; completed ones are null
[[nodiscard]] bool complete(std::span<MPI_Request> requests);

/// Lets the other thread of the core work for some cycles.
inline void rest() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Between two polls of something awaited: rests for a moment, and gives up the processor once there have
/// been so many polls that the wait is longer than that for a sum of a few words between cores.
inline void between_polls(int polls) {
  constexpr int polls_before_yielding = 500;
  if (polls >= polls_before_yielding) {
    sched_yield();
  } else {
    rest();
  }
}

/// Waits until all `requests` are complete.
void finish(std::span<MPI_Request> requests);

}  // namespace plexus
