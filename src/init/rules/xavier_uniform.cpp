#include <cmath>
#include <memory>

#include "src/init/uniform_draws.hpp"
#include "src/init/weight_init.hpp"

namespace plexus {
namespace {

/// Uniform in (-limit, limit), limit = sqrt(6 / (inputs + outputs)). Source: Glorot, Bengio 2010, AISTATS.
class XavierUniform final : public WeightInit {
 public:
  void draw(const RandomStream& stream, std::span<const NeuronId> rows, std::span<const NeuronId> cols,
            Fans fans, std::span<Real> values) const override {
    const double limit = std::sqrt(6.0 / static_cast<double>(fans.in + fans.out));
    for_each_uniform(stream, rows, cols, [&](std::size_t i, double u) {
      values[i] = static_cast<Real>(limit * (2.0 * u - 1.0));
    });
  }
};

const WeightInitRegistrar registrar{"xavier_uniform", "uniform within +-sqrt(6 / (inputs + outputs))",
                                    [] { return std::make_unique<XavierUniform>(); }};

}  // namespace
}  // namespace plexus
