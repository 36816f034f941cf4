#include "src/optim/optimizer.hpp"
#include "src/support/multiversion.hpp"

namespace plexus {
namespace {

struct SgdFactors {
  Real rate;
  Real momentum;
  Real coupled_decay;
  Real uncoupled_decay;
};

PLEXUS_MULTIVERSION void heavy_ball(Real* __restrict__ w, Real* __restrict__ v,
                                    const Real* __restrict__ gradient, Offset count, SgdFactors f) {
  for (Offset i = 0; i < count; ++i) {
    const Real g = gradient[i] + f.coupled_decay * w[i];
    v[i] = f.momentum * v[i] - f.rate * g;
    w[i] = w[i] + v[i] - f.uncoupled_decay * w[i];
  }
}

PLEXUS_MULTIVERSION void nesterov(Real* __restrict__ w, Real* __restrict__ v,
                                  const Real* __restrict__ gradient, Offset count, SgdFactors f) {
  for (Offset i = 0; i < count; ++i) {
    const Real g = gradient[i] + f.coupled_decay * w[i];
    v[i] = f.momentum * v[i] - f.rate * g;
    const Real move = f.momentum * v[i] - f.rate * g;
    w[i] = w[i] + move - f.uncoupled_decay * w[i];
  }
}

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

  void update(const ParameterBlock& block, const Real* gradient, double rate) const override {
    const SgdFactors factors{static_cast<Real>(rate), momentum_, coupled_decay_, uncoupled_decay_};
    const auto step = nesterov_ ? nesterov : heavy_ball;
    step(block.values, block.states[0], gradient, block.count, factors);
  }

 private:
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
