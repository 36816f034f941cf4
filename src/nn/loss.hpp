#pragma once

#include <cstdint>

#include "src/support/registry.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// One unit of an integer loss sum. Losses are rounded to it sample by sample, so that their sum does not
/// depend on any order.
inline constexpr double loss_unit = 0x1.0p-24;

/// Sums over samples, exact and independent of their order.
struct LossSum {
  std::int64_t loss = 0;     ///< in units of `loss_unit`
  std::int64_t correct = 0;  ///< samples whose largest output is the label's (the first of equal ones counts)
  std::int64_t not_finite = 0;  ///< samples whose loss is infinite or not a number
  LossSum& operator+=(const LossSum& other) {
    loss += other.loss;
    correct += other.correct;
    not_finite += other.not_finite;
    return *this;
  }
};

/// A loss over the outputs of one sample. A new one is a file in `losses/`.
class Loss {
 public:
  virtual ~Loss() = default;
  /// @param outputs one sample's outputs, `classes` values
  /// @param delta   out: gradient of the sample's loss at the outputs; nullptr when it is not wanted
  /// @return the sample's loss
  virtual double evaluate(const Real* outputs, Index classes, std::int32_t label, Real* delta) const = 0;
};

using LossRegistry = Registry<Loss>;
using LossRegistrar = Registrar<Loss>;

}  // namespace plexus
