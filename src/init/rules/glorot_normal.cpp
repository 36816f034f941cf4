#include <cmath>
#include <memory>

#include "src/init/weight_init.hpp"

namespace plexus {
namespace {

/// Normal with variance 2 / (inputs + outputs). Source: Glorot, Bengio 2010, AISTATS.
class GlorotNormal final : public WeightInit {
 public:
  Real value(const RandomStream& stream, NeuronId row, NeuronId col, Offset fan_in,
             Offset fan_out) const override {
    const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in + fan_out));
    return static_cast<Real>(deviation *
                             stream.normal(static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(col)));
  }
};

const WeightInitRegistrar registrar{"glorot_normal", "normal, variance 2 / (inputs + outputs)",
                                    [] { return std::make_unique<GlorotNormal>(); }};

}  // namespace
}  // namespace plexus
