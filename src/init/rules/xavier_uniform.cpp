#include <cmath>
#include <memory>

#include "src/init/weight_init.hpp"

namespace plexus {
namespace {

/// Uniform in (-limit, limit), limit = sqrt(6 / (inputs + outputs)). Source: Glorot, Bengio 2010, AISTATS.
class XavierUniform final : public WeightInit {
 public:
  Real value(const RandomStream& stream, NeuronId row, NeuronId col, Offset fan_in,
             Offset fan_out) const override {
    const double limit = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
    return static_cast<Real>(
        limit *
        (2.0 * stream.uniform(static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(col)) - 1.0));
  }
};

const WeightInitRegistrar registrar{"xavier_uniform", "uniform within +-sqrt(6 / (inputs + outputs))",
                                    [] { return std::make_unique<XavierUniform>(); }};

}  // namespace
}  // namespace plexus
