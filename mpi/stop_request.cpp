#include "mpi/stop_request.hpp"

#include <atomic>
#include <cstddef>

#include "src/support/error.hpp"

namespace plexus {

namespace {

constexpr std::array stop_signals = {SIGTERM, SIGUSR1};

std::atomic<int> received{0};  // number of the first signal
static_assert(std::atomic<int>::is_always_lock_free, "the handler may not take a lock");
std::atomic<bool> in_use{false};

void on_stop_signal(int number) {
  int none = 0;
  received.compare_exchange_strong(none, number);
}

}  // namespace

StopRequest::StopRequest() {
  ensure(!in_use.exchange(true), "a second StopRequest was made while the first one lives");
  received = 0;
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;  // or system calls of libraries would fail with EINTR
  for (std::size_t i = 0; i < stop_signals.size(); ++i) sigaction(stop_signals[i], &action, &previous_[i]);
}

StopRequest::~StopRequest() {
  for (std::size_t i = 0; i < stop_signals.size(); ++i) sigaction(stop_signals[i], &previous_[i], nullptr);
  in_use = false;
}

bool StopRequest::requested() const { return received != 0; }

const char* StopRequest::which() const {
  switch (received) {
    case SIGTERM:
      return "SIGTERM";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "";
  }
}

}  // namespace plexus
