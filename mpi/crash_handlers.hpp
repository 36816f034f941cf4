#pragma once

namespace plexus {

/// Independent, for the whole process until its end. From now on a fatal signal (SIGSEGV, SIGBUS, SIGFPE,
/// SIGILL, SIGABRT) and an exception that nobody catches, on any thread, print one line that names the rank
/// and end the process with exit code 70, upon which the launcher ends the other ranks. Call it after MPI has
/// started, which sets handlers of its own.
void install_crash_handlers(int rank, int size);

}  // namespace plexus
