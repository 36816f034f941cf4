#include "src/optim/optimizer.hpp"

namespace plexus {
namespace {

/// Stochastic gradient descent with heavy-ball or Nesterov momentum:
///   g <- g + decay w                     (coupled decay only)
///   v <- momentum v - rate g
///   w <- w + v                           (Nesterov: w + momentum v - rate g)
///   w <- w - decay (w before the step)   (uncoupled decay only; SET: not scaled by the rate)
/// Source of the uncoupled form: released code of Mocanu et al. 2018, `w + v - decay * w`.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(const OptimizerConfig& config)
      : momentum_(static_cast<Real>(config.momentum)),
        coupled_decay_(config.decay == "coupled" ? static_cast<Real>(config.weight_decay) : Real{0}),
        uncoupled_decay_(config.decay == "uncoupled" ? static_cast<Real>(config.weight_decay) : Real{0}),
        nesterov_(config.nesterov) {}

  [[nodiscard]] std::size_t states() const override { return 1; }

  void update(Parameters& parameters, Offset begin, Offset end, const Real* gradient,
              double rate) const override {
    Real* w = parameters.values.data() + begin;
    Real* v = parameters.states[0].data() + begin;
    if (nesterov_) {
      step<true>(w, v, gradient, end - begin, static_cast<Real>(rate));
    } else {
      step<false>(w, v, gradient, end - begin, static_cast<Real>(rate));
    }
  }

 private:
  template <bool nesterov>
  void step(Real* __restrict__ w, Real* __restrict__ v, const Real* __restrict__ gradient, Offset count,
            Real rate) const {
    for (Offset i = 0; i < count; ++i) {
      const Real g = gradient[i] + coupled_decay_ * w[i];
      v[i] = momentum_ * v[i] - rate * g;
      const Real move = nesterov ? momentum_ * v[i] - rate * g : v[i];
      w[i] = w[i] + move - uncoupled_decay_ * w[i];
    }
  }

  Real momentum_;
  Real coupled_decay_;
  Real uncoupled_decay_;
  bool nesterov_;
};

const OptimizerRegistrar registrar("sgd", "stochastic gradient descent with momentum, heavy-ball or Nesterov",
                                   [](const OptimizerConfig& config) {
                                     return std::make_unique<Sgd>(config);
                                   });

}  // namespace
}  // namespace plexus
