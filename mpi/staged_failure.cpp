#include "mpi/staged_failure.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>

#include "mpi/process.hpp"
#include "mpi/watchdog.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

struct StagedFailure {
  int rank = 0;
  std::string how;
  std::regex place;
};

StagedFailure staged;

void fail_at_the_place() {
  const std::string here = activity::describe();
  if (!std::regex_search(here, staged.place)) return;
  activity::observe(nullptr);
  write_stderr(fmt::format("staged failure of rank {}: {} {}\n", staged.rank, staged.how, here));
  if (staged.how == "throw") throw std::runtime_error("a failure that a test has staged");
  raise(staged.how == "kill" ? SIGKILL : SIGSTOP);
}

StagedFailure parsed(const std::string& text) {
  StagedFailure failure;
  std::istringstream in(text);
  std::string place;
  in >> failure.rank >> failure.how >> std::ws;
  std::getline(in, place);
  const bool known = failure.how == "kill" || failure.how == "stop" || failure.how == "throw";
  require(known && !place.empty(), "{} is '{}', not a rank, kill, stop or throw, and a place. Unset it.",
          staged_failure_variable, text);
  failure.place = place;
  return failure;
}

}  // namespace

void stage_failure(const char* text, int rank) {
  if (text == nullptr) return;
  staged = parsed(text);
  if (staged.rank == rank) activity::observe(fail_at_the_place);
}

}  // namespace plexus
