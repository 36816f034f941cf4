#pragma once

#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/support/registry.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Values that are trained and the optimizer's state for each of them. States follow their value through
/// every rewiring; a grown connection starts with zeros.
struct Parameters {
  std::vector<Real> values;
  std::vector<std::vector<Real>> states;  ///< Optimizer::states() arrays, each as `values`
};

/// Update rule, elementwise and free of state of its own. A new one is a file in `optimizers/`.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// State arrays that each parameter needs.
  [[nodiscard]] virtual std::size_t states() const = 0;

  /// One step for the parameters [begin, end).
  /// @param gradient  of the mean loss of the batch, gradient[i] for parameter begin + i
  /// @param rate      learning rate of this step
  virtual void update(Parameters& parameters, Offset begin, Offset end, const Real* gradient,
                      double rate) const = 0;
};

using OptimizerRegistry = Registry<Optimizer, const OptimizerConfig&>;
using OptimizerRegistrar = Registrar<Optimizer, const OptimizerConfig&>;

/// Learning rate of step `step` (counted from 0 over the whole run). Schedules follow the epochs done before
/// the step, fractions included; the warm-up rises from the first step on.
[[nodiscard]] double learning_rate(const OptimizerConfig& config, std::int64_t step,
                                   std::int64_t steps_per_epoch, std::int64_t epochs);

}  // namespace plexus
