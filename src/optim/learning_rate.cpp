#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/optim/optimizer.hpp"

namespace plexus {

double learning_rate(const OptimizerConfig& config, std::int64_t step, std::int64_t steps_per_epoch,
                     std::int64_t epochs) {
  const double epochs_done = static_cast<double>(step) / static_cast<double>(steps_per_epoch);
  double rate = config.learning_rate;
  if (config.schedule == "step") {
    rate *= std::pow(config.step_factor, std::floor(epochs_done / static_cast<double>(config.step_epochs)));
  } else if (config.schedule == "cosine") {
    const double span = std::max(1e-9, static_cast<double>(epochs) - config.warmup_epochs);
    const double done = std::clamp((epochs_done - config.warmup_epochs) / span, 0.0, 1.0);
    rate = config.final_rate + (rate - config.final_rate) * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  }
  const double warmup_steps = config.warmup_epochs * static_cast<double>(steps_per_epoch);
  if (static_cast<double>(step) < warmup_steps)
    rate *= std::min(1.0, static_cast<double>(step + 1) / warmup_steps);
  return rate;
}

}  // namespace plexus
