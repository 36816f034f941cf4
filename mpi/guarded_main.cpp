#include "mpi/guarded_main.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "mpi/collective_check.hpp"
#include "mpi/number_ranges.hpp"
#include "mpi/process.hpp"

namespace plexus {

int run_guarded(DistributedContext& ctx, const std::function<ExitCode()>& program) {
  Problem problem;
  try {
    return static_cast<int>(program());
  } catch (const RanksFailed& shared) {
    if (ctx.rank() == shared.speaker()) write_stderr(fmt::format("plexus: {}\n", shared.what()));
    if (shared.is_of_all()) {
      ctx.barrier();  // a launcher may end the job as soon as one rank returns a failure: not before it is
                      // printed
    } else {
      if (ctx.rank() != shared.speaker()) std::this_thread::sleep_for(std::chrono::seconds(1));
      ctx.abort(static_cast<int>(shared.code()));
    }
    return static_cast<int>(shared.code());
  } catch (...) {
    problem = problem_here();
  }

  const int rank = ctx.rank();
  const auto name = rank_names(std::span(&rank, 1), ctx.size());
  write_stderr(fmt::format("plexus: {}{}\n", name.empty() ? "" : name + ": ", problem.message));
  ctx.abort(static_cast<int>(problem.code));
  return static_cast<int>(problem.code);  // not reached, but GCC overlooks [[noreturn]] of a virtual function
}

}  // namespace plexus
