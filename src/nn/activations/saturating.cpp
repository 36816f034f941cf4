#include <cmath>

#include "src/nn/activation.hpp"

namespace plexus {
namespace {

class Tanh final : public Activation {
 public:
  void forward(const Real* z, Real* a, Offset count) const override {
    for (Offset i = 0; i < count; ++i) a[i] = std::tanh(z[i]);
  }
  void backward(const Real* z, Real* delta, Offset count) const override {
    for (Offset i = 0; i < count; ++i) {
      const Real a = std::tanh(z[i]);
      delta[i] *= Real{1} - a * a;
    }
  }
};

class Sigmoid final : public Activation {
 public:
  void forward(const Real* z, Real* a, Offset count) const override {
    for (Offset i = 0; i < count; ++i) a[i] = sigmoid(z[i]);
  }
  void backward(const Real* z, Real* delta, Offset count) const override {
    for (Offset i = 0; i < count; ++i) {
      const Real a = sigmoid(z[i]);
      delta[i] *= a * (Real{1} - a);
    }
  }

 private:
  static Real sigmoid(Real x) { return Real{1} / (Real{1} + std::exp(-x)); }
};

const ActivationRegistrar tanh_registrar("tanh", "hyperbolic tangent",
                                         [](const ActivationOptions&) { return std::make_unique<Tanh>(); });
const ActivationRegistrar sigmoid_registrar("sigmoid", "1 / (1 + exp(-x))", [](const ActivationOptions&) {
  return std::make_unique<Sigmoid>();
});

}  // namespace
}  // namespace plexus
