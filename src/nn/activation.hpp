#pragma once

#include "src/support/registry.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// What an activation may depend on.
struct ActivationOptions {
  double alpha = 0;  ///< slope of the negative side, where the activation has one
  Index layer = 2;   ///< number of the layer it follows; the input layer is 1, the first hidden layer 2
};

/// An elementwise function between layers. A new one is a file in `activations/`.
class Activation {
 public:
  virtual ~Activation() = default;
  /// a = f(z), elementwise over `count` values; `a` is `z`, or they do not overlap.
  virtual void forward(const Real* z, Real* a, Offset count) const = 0;
  /// delta *= f'(z), elementwise.
  virtual void backward(const Real* z, Real* delta, Offset count) const = 0;
  /// Whether `backward` gives the same with f(z), times any positive factor, in place of z: then z need not
  /// be kept. So it is where the derivative depends on the sign of z alone, and f keeps it.
  [[nodiscard]] virtual bool sign_is_enough() const { return false; }
};

using ActivationRegistry = Registry<Activation, const ActivationOptions&>;
using ActivationRegistrar = Registrar<Activation, const ActivationOptions&>;

}  // namespace plexus
