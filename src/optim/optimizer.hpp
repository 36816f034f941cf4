#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "src/config/experiment_config.hpp"
#include "src/support/registry.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// State arrays that any optimizer may have.
inline constexpr std::size_t most_optimizer_states = 2;

/// Consecutive parameters and the optimizer's state for each of them. States follow their value through every
/// rewiring; a grown connection starts with zeros.
struct ParameterBlock {
  Real* values;
  std::array<Real*, most_optimizer_states> states;  ///< the first Optimizer::states() ones
  Offset count;
};

/// Update rule, elementwise and free of state of its own. A new one is a file in `optimizers/`.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// State arrays that each parameter needs, at most `most_optimizer_states`.
  [[nodiscard]] virtual std::size_t states() const = 0;
  /// One step.
  /// @param gradient  of the mean loss of the batch, block.count values
  /// @param rate      learning rate of this step
  virtual void update(const ParameterBlock& block, const Real* gradient, double rate) const = 0;
};

using OptimizerRegistry = Registry<Optimizer, const OptimizerConfig&>;
using OptimizerRegistrar = Registrar<Optimizer, const OptimizerConfig&>;

/// Learning rate of step `step` (counted from 0 over the whole run). Schedules follow the epochs done before
/// the step, fractions included; the warm-up rises from the first step on.
[[nodiscard]] double learning_rate(const OptimizerConfig& config, std::int64_t step,
                                   std::int64_t steps_per_epoch, std::int64_t epochs);

}  // namespace plexus
