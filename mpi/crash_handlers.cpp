#include "mpi/crash_handlers.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <string_view>

#include "mpi/collective_check.hpp"
#include "mpi/process.hpp"
#include "mpi/watchdog.hpp"

namespace plexus {

namespace {

// "plexus: rank 2 of 4 on host n7 ", made in advance because a signal handler may not allocate.
std::array<char, 400> speaker{};

struct FatalSignal {
  int number;
  const char* text;
};
constexpr std::array<FatalSignal, 5> fatal_signals = {
    {{SIGSEGV, "SIGSEGV (bad memory access)"},
     {SIGBUS, "SIGBUS (bad memory access, or a full /dev/shm)"},
     {SIGFPE, "SIGFPE (bad arithmetic)"},
     {SIGILL, "SIGILL (instruction this machine lacks)"},
     {SIGABRT, "SIGABRT (a library gave up)"}}};

/// One line of text without allocation; what does not fit is cut.
class FixedLine {
 public:
  void add(std::string_view text) {
    const auto count = std::min(text.size(), bytes_.size() - 1 - used_);
    std::memcpy(bytes_.data() + used_, text.data(), count);
    used_ += count;
  }
  [[nodiscard]] std::string_view with_newline() {
    bytes_[used_] = '\n';
    return {bytes_.data(), used_ + 1};
  }

 private:
  std::array<char, 1000> bytes_{};
  std::size_t used_ = 0;
};

void on_fatal_signal(int number) {
  FixedLine line;
  line.add(speaker.data());
  line.add("died of ");
  const char* text = "a signal";
  for (const auto& known : fatal_signals) {
    if (known.number == number) text = known.text;
  }
  line.add(text);
  if (const char* place = activity::what()) {
    line.add(" in '");
    line.add(place);
    line.add("'");
  }
  write_stderr(line.with_newline());
  _exit(static_cast<int>(ExitCode::fault));
}

[[noreturn]] void on_terminate() {
  const auto problem = std::current_exception() ? problem_of_current_exception()
                                                : Problem{ExitCode::fault, "terminated without an exception"};
  write_stderr(
      fmt::format("{}died of an exception that nobody caught: {}\n", speaker.data(), problem.message));
  _exit(static_cast<int>(problem.code));
}

}  // namespace

void install_crash_handlers(int rank, int size) {
  const auto text = fmt::format("plexus: rank {} of {} on host {} ", rank, size, host_name());
  speaker.fill('\0');
  std::copy_n(text.begin(), std::min(text.size(), speaker.size() - 1), speaker.begin());

  // A stack of its own, so that an overflow of the main thread's stack can be reported too.
  static std::array<char, 65536> spare_stack;
  stack_t stack{};
  stack.ss_sp = spare_stack.data();
  stack.ss_size = spare_stack.size();
  sigaltstack(&stack, nullptr);

  struct sigaction action {};
  action.sa_handler = on_fatal_signal;
  action.sa_flags =
      SA_ONSTACK | static_cast<int>(SA_RESETHAND);  // a crash in the handler is not handled again
  for (const auto& fatal : fatal_signals) sigaction(fatal.number, &action, nullptr);
  std::set_terminate(on_terminate);
}

}  // namespace plexus
