#include "mpi/collective_check.hpp"

#include <map>
#include <new>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/number_ranges.hpp"

namespace plexus {

template <class Archive>
void serialize(Archive& archive, Problem& problem, unsigned) {
  archive& problem.code& problem.message;
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

void collective_check(DistributedContext& ctx, const std::optional<Problem>& problem) {
  std::vector<std::byte> mine;
  if (problem) mine = to_bytes(*problem);
  const auto all = ctx.allgather(mine);

  std::optional<ExitCode> code;
  std::vector<std::string> messages;  // distinct, by the lowest rank that sent them
  std::map<std::string, std::vector<int>> ranks_of;
  for (int rank = 0; rank < ctx.size(); ++rank) {
    const auto& bytes = all[static_cast<std::size_t>(rank)];
    if (bytes.empty()) continue;
    const auto failed = from_bytes<Problem>(bytes);
    if (!code) code = failed.code;
    auto& ranks = ranks_of[failed.message];
    if (ranks.empty()) messages.push_back(failed.message);
    ranks.push_back(rank);
  }
  if (!code) return;

  std::string text;
  for (const auto& message : messages) {
    const auto names = rank_names(ranks_of[message], ctx.size());
    text += fmt::format("{}{}{}{}", text.empty() ? "" : "\n", names, names.empty() ? "" : ": ", message);
  }
  throw RanksFailed(*code, text);
}

}  // namespace plexus
