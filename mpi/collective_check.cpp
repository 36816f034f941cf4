#include "mpi/collective_check.hpp"

#include <map>
#include <new>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/number_ranges.hpp"
#include "mpi/watchdog.hpp"

namespace plexus {

template <class Archive>
void serialize(Archive& archive, Problem& problem, unsigned) {
  archive& problem.code& problem.message;
}

RanksFailed::RanksFailed(const DistributedContext& ctx, ExitCode code, const std::string& message)
    : Error(code, message) {
  const DistributedContext::JobRanks job = ctx.job_ranks();
  of_all_ = ctx.size() == job.size;
  speaker_ = job.ranks.front();
}

Problem problem_of_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::fault,
            "out of memory. Use fewer ranks per node, a smaller batch or fewer connections; `plexus train "
            "--dry-run` "
            "says how much memory each rank needs."};
  } catch (const std::exception& error) {
    return {ExitCode::fault, fmt::format("unexpected failure: {}", error.what())};
  } catch (...) {
    return {ExitCode::fault, "unexpected failure of unknown type"};
  }
}

Problem problem_here() {
  Problem problem = problem_of_current_exception();
  if (problem.code != ExitCode::fault) return problem;
  if (const std::string place = activity::describe(); !place.empty())
    problem.message += fmt::format(" [{}]", place);
  return problem;
}

void collective_check(DistributedContext& ctx, const std::optional<Problem>& problem) {
  std::vector<std::byte> mine;
  if (problem) mine = to_bytes(*problem);
  const auto all = ctx.allgather(mine);

  const DistributedContext::JobRanks job = ctx.job_ranks();
  std::optional<ExitCode> code;
  std::vector<std::string> messages;  // distinct, by the lowest rank that sent them
  std::map<std::string, std::vector<int>> ranks_of;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const auto& bytes = all[rank];
    if (bytes.empty()) continue;
    const auto failed = from_bytes<Problem>(bytes);
    if (!code) code = failed.code;
    auto& ranks = ranks_of[failed.message];
    if (ranks.empty()) messages.push_back(failed.message);
    ranks.push_back(job.ranks[rank]);
  }
  if (!code) return;

  std::string text;
  for (const auto& message : messages) {
    const auto names = rank_names(ranks_of[message], job.size);
    text += fmt::format("{}{}{}{}", text.empty() ? "" : "\n", names, names.empty() ? "" : ": ", message);
  }
  throw RanksFailed(ctx, *code, text);
}

}  // namespace plexus
