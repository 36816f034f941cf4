#include "jobs/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string>
#include <system_error>

#include "src/nn/loss.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

constexpr double seconds_between_updates = 0.2;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Whether a person watches `out`. mpirun gives its ranks a pseudo terminal whatever it writes to itself, so
/// what counts there is the output of the launcher.
bool is_terminal(std::FILE* out) {
  if (isatty(fileno(out)) != 1) return false;
  if (std::getenv("OMPI_COMM_WORLD_RANK") == nullptr) return true;
  std::error_code unreadable;
  const auto launcher =
      std::filesystem::path("/proc") / std::to_string(getppid()) / "fd" / std::to_string(fileno(out));
  const std::string target = std::filesystem::read_symlink(launcher, unreadable).string();
  return target.starts_with("/dev/pts/") || target.starts_with("/dev/tty");
}

}  // namespace

Progress::Progress(std::FILE* out, const std::string& mode, std::int64_t epochs, std::int64_t first_epoch)
    : out_(out), epochs_(epochs), first_epoch_(static_cast<double>(first_epoch)), start_(now()) {
  if (mode == "off") {
    mode_ = Mode::off;
  } else {
    mode_ = mode == "live" || (mode == "auto" && is_terminal(out)) ? Mode::live : Mode::plain;
  }
}

double Progress::seconds_left(double epochs_done) const {
  const double done_here = epochs_done - first_epoch_;
  if (done_here <= 0) return 0;
  return (now() - start_) / done_here * (static_cast<double>(epochs_) - epochs_done);
}

void Progress::clear_line() {
  if (line_open_) fmt::print(out_, "\r\x1b[2K");
  line_open_ = false;
}

void Progress::step_done(const TrainingPosition& position, std::int64_t steps_per_epoch) {
  if (mode_ != Mode::live || now() - last_shown_ < seconds_between_updates) return;
  last_shown_ = now();
  const double part = static_cast<double>(position.step) / static_cast<double>(steps_per_epoch);
  clear_line();
  fmt::print(out_, "epoch {}/{}  {:3.0f} %  {} left", position.epoch + 1, epochs_, 100.0 * part,
             as_duration(seconds_left(static_cast<double>(position.epoch) + part)));
  std::fflush(out_);
  line_open_ = true;
}

void Progress::epoch_done(const EpochMetrics& m) {
  if (mode_ == Mode::off) return;
  clear_line();
  const Offset connections = std::accumulate(m.connections.begin(), m.connections.end(), Offset{0});
  const Offset hidden = std::accumulate(m.alive_neurons.begin() + 1, m.alive_neurons.end() - 1, Offset{0});
  const std::string left =
      m.epoch < epochs_ ? as_duration(seconds_left(static_cast<double>(m.epoch))) + " left" : "done";
  fmt::print(out_,
             "epoch {:>{}}/{}  loss {:.4f}  train {:.4f}  test {:.4f}  {} connections  {} hidden neurons  "
             "{:.2f} s  {}\n",
             m.epoch, std::to_string(epochs_).size(), epochs_, m.loss, m.train_accuracy, m.test_accuracy,
             with_separators(connections), with_separators(hidden), m.seconds_train, left);
  std::fflush(out_);
}

}  // namespace plexus
