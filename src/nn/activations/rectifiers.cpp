#include "src/nn/activation.hpp"
#include "src/support/multiversion.hpp"

namespace plexus {
namespace {

PLEXUS_MULTIVERSION void rectify(const Real* __restrict__ z, Real* __restrict__ a, Offset count, Real slope) {
  for (Offset i = 0; i < count; ++i) a[i] = z[i] > 0 ? z[i] : slope * z[i];
}

PLEXUS_MULTIVERSION void rectify_in_place(Real* a, Offset count, Real slope) {
  for (Offset i = 0; i < count; ++i) a[i] = a[i] > 0 ? a[i] : slope * a[i];
}

PLEXUS_MULTIVERSION void rectify_back(const Real* __restrict__ z, Real* __restrict__ delta, Offset count,
                                      Real slope, Real at_zero) {
  for (Offset i = 0; i < count; ++i) {
    const Real not_positive = z[i] < 0 ? slope : at_zero;
    delta[i] *= z[i] > 0 ? Real{1} : not_positive;
  }
}

/// f(x) = x for x > 0, slope x otherwise. The derivative at 0 is `at_zero`.
class Rectifier final : public Activation {
 public:
  Rectifier(double slope, double at_zero)
      : slope_(static_cast<Real>(slope)), at_zero_(static_cast<Real>(at_zero)) {}

  void forward(const Real* z, Real* a, Offset count) const override {
    if (z == a) {
      rectify_in_place(a, count, slope_);
    } else {
      rectify(z, a, count, slope_);
    }
  }
  void backward(const Real* z, Real* delta, Offset count) const override {
    rectify_back(z, delta, count, slope_, at_zero_);
  }
  /// Outputs of 0 stand for z = 0 or, at slope 0, z < 0: the derivative must be the same.
  [[nodiscard]] bool sign_is_enough() const override { return slope_ > 0 || (slope_ == 0 && at_zero_ == 0); }

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
