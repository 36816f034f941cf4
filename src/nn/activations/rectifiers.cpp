#include "src/nn/activation.hpp"

namespace plexus {
namespace {

/// f(x) = x for x > 0, slope x otherwise. The derivative at 0 is `at_zero`.
class Rectifier final : public Activation {
 public:
  Rectifier(double slope, double at_zero)
      : slope_(static_cast<Real>(slope)), at_zero_(static_cast<Real>(at_zero)) {}

  void forward(const Real* z, Real* a, Offset count) const override {
    for (Offset i = 0; i < count; ++i) a[i] = z[i] > 0 ? z[i] : slope_ * z[i];
  }

  void backward(const Real* z, Real* delta, Offset count) const override {
    for (Offset i = 0; i < count; ++i) {
      const Real not_positive = z[i] < 0 ? slope_ : at_zero_;
      delta[i] *= z[i] > 0 ? Real{1} : not_positive;
    }
  }

 private:
  Real slope_;
  Real at_zero_;
};

const ActivationRegistrar relu("relu", "max(0, x)", [](const ActivationOptions&) {
  return std::make_unique<Rectifier>(0.0, 0.0);
});

const ActivationRegistrar leaky_relu("leaky_relu", "x for x > 0, else alpha x",
                                     [](const ActivationOptions& options) {
                                       return std::make_unique<Rectifier>(options.alpha, options.alpha);
                                     });

/// All-ReLU (Curci, Mocanu, Pechenizkiy 2021, arXiv:2102.01732): the slope's sign alternates between layers,
/// and is negative in the first hidden layer (layer 2).
const ActivationRegistrar all_relu("all_relu",
                                   "x for x > 0, else -alpha x in even layers and alpha x in odd ones",
                                   [](const ActivationOptions& options) {
                                     const double slope =
                                         options.layer % 2 == 0 ? -options.alpha : options.alpha;
                                     return std::make_unique<Rectifier>(slope, 1.0);
                                   });

}  // namespace
}  // namespace plexus
