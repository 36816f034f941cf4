#pragma once

#include <functional>

#include "mpi/distributed_context.hpp"
#include "src/support/exit_code.hpp"

namespace plexus {

/// Collective. Runs the program and turns every failure into one message on stderr and an exit code that all
/// ranks end with. @return the exit code for `main`.
/// - A failure that all ranks share (`RanksFailed`) is printed by rank 0 and returned by all. One that some
///   ranks share is printed by the lowest of them; they then end all.
/// - Any other exception is printed by the rank that has it, which then ends all ranks
/// (`DistributedContext::abort`).
int run_guarded(DistributedContext& ctx, const std::function<ExitCode()>& program);

}  // namespace plexus
