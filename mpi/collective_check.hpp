#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "mpi/distributed_context.hpp"
#include "src/support/error.hpp"

namespace plexus {

/// Why one rank cannot go on.
struct Problem {
  ExitCode code = ExitCode::fault;
  std::string message;
};

/// A failure that all ranks have learned of together: each of them throws one with the same text, so that it
/// can be reported once and the job can end in order.
class RanksFailed : public Error {
 public:
  using Error::Error;
};

/// Independent; only inside a `catch` block. What the exception that is being handled says: an `Error` keeps
/// its code and text, anything else is a fault.
[[nodiscard]] Problem problem_of_current_exception();

/// Collective. Every rank says whether it has a problem, e.g. a file that it cannot read.
/// @throws RanksFailed on all ranks if any has one, with the exit code of the lowest failing rank. The text
/// has one line for each distinct message, which begins with the ranks that sent it unless there is only one
/// rank.
void collective_check(DistributedContext& ctx, const std::optional<Problem>& problem);

/// Collective. Runs `f()`, which can fail on some ranks only, and returns its value where it succeeded on
/// all. `f` must not communicate, unless it fails on all ranks alike or on none.
/// @throws RanksFailed on all ranks if any `f()` threw.
template <class F>
auto on_all_ranks(DistributedContext& ctx, F&& f) -> std::invoke_result_t<F> {
  using Result = std::invoke_result_t<F>;
  std::optional<Problem> problem;
  const auto guarded = [&](auto&& body) {
    try {
      body();
    } catch (const RanksFailed&) {
      throw;  // all ranks have it
    } catch (const std::exception&) {
      problem = problem_of_current_exception();
    }
  };
  if constexpr (std::is_void_v<Result>) {
    guarded(f);
    collective_check(ctx, problem);
  } else {
    std::optional<Result> result;
    guarded([&] { result.emplace(std::forward<F>(f)()); });
    collective_check(ctx, problem);
    return std::move(*result);
  }
}

}  // namespace plexus
