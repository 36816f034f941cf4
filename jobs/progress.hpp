#pragma once

#include <cstdint>
#include <cstdio>

#include "mpi/trainer.hpp"
#include "src/config/experiment_config.hpp"

namespace plexus {

/// Tells a person how the training goes: a line per epoch, and on a terminal a changing line in between.
/// For rank 0 only.
class Progress {
 public:
  /// @param mode  `log.progress`: auto (live on a terminal, else plain), live, plain or off
  Progress(std::FILE* out, const std::string& mode, std::int64_t epochs, std::int64_t first_epoch);

  void step_done(const TrainingPosition& position, std::int64_t steps_per_epoch);
  void epoch_done(const EpochMetrics& metrics);

 private:
  enum class Mode { live, plain, off };
  [[nodiscard]] double seconds_left(double epochs_done) const;
  void clear_line();

  std::FILE* out_;
  Mode mode_;
  std::int64_t epochs_;
  double first_epoch_;
  double start_;
  double last_shown_ = 0;
  bool line_open_ = false;  ///< whether a live line stands on the terminal
};

}  // namespace plexus
