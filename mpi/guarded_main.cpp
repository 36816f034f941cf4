#include "mpi/guarded_main.hpp"

#include <fmt/format.h>

#include "mpi/collective_check.hpp"
#include "mpi/number_ranges.hpp"
#include "mpi/process.hpp"
#include "mpi/watchdog.hpp"

namespace plexus {

int run_guarded(DistributedContext& ctx, const std::function<ExitCode()>& program) {
  Problem problem;
  try {
    return static_cast<int>(program());
  } catch (const RanksFailed& shared) {
    if (ctx.rank() == 0) write_stderr(fmt::format("plexus: {}\n", shared.what()));
    ctx.barrier();  // a launcher may end the job as soon as one rank returns a failure: not before it is
                    // printed
    return static_cast<int>(shared.code());
  } catch (...) {
    problem = problem_of_current_exception();
  }

  const int rank = ctx.rank();
  const auto name = rank_names(std::span(&rank, 1), ctx.size());
  const auto where = problem.code == ExitCode::fault ? activity::describe() : "";
  write_stderr(fmt::format("plexus: {}{}{}\n", name.empty() ? "" : name + ": ", problem.message,
                           where.empty() ? "" : fmt::format(" [{}]", where)));
  ctx.abort(static_cast<int>(problem.code));
  return static_cast<int>(problem.code);  // not reached, but GCC overlooks [[noreturn]] of a virtual function
}

}  // namespace plexus
