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

/// A failure that all ranks of a context have learned of together: each of them throws one with the same
/// text, so that it can be reported once, and the job can end in order where these are all its ranks.
class RanksFailed : public Error {
 public:
  /// All ranks of the job have it.
  using Error::Error;
  /// The ranks of `ctx` have it.
  RanksFailed(const DistributedContext& ctx, ExitCode code, const std::string& message);

  [[nodiscard]] bool is_of_all() const { return of_all_; }
  /// The rank in the job that reports it.
  [[nodiscard]] int speaker() const { return speaker_; }

 private:
  bool of_all_ = true;
  int speaker_ = 0;
};

/// Independent; only inside a `catch` block. What the exception that is being handled says: an `Error` keeps
/// its code and text, anything else is a fault.
[[nodiscard]] Problem problem_of_current_exception();

/// The same; a fault says behind its text, in brackets, what the main thread was doing.
[[nodiscard]] Problem problem_here();

/// Collective. Every rank says whether it has a problem, e.g. a file that it cannot read.
/// @throws RanksFailed on all ranks if any has one, with the exit code of the lowest failing rank. The text
/// has one line for each distinct message, which begins with the ranks of the job that sent it unless there
/// is only one.
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
      problem = problem_here();
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
