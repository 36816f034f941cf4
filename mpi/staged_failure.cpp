#include "mpi/staged_failure.hpp"

#include <fmt/format.h>
#include <regex.h>
#include <signal.h>

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
  regex_t place{};  // the C library's: g++ 12 warns of its own <regex> where a sanitizer is on
};

StagedFailure staged;

void fail_at_the_place() {
  const std::string here = activity::describe();
  if (regexec(&staged.place, here.c_str(), 0, nullptr, 0) != 0) return;
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
  const bool found = !place.empty() && regcomp(&failure.place, place.c_str(), REG_EXTENDED | REG_NOSUB) == 0;
  require(known && found, "{} is '{}', not a rank, kill, stop or throw, and a place. Unset it.",
          staged_failure_variable, text);
  return failure;
}

}  // namespace

void stage_failure(const char* text, int rank) {
  if (text == nullptr) return;
  staged = parsed(text);
  if (staged.rank == rank) activity::observe(fail_at_the_place);
}

}  // namespace plexus
