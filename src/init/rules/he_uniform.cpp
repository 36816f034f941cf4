#include <cmath>
#include <memory>

#include "src/init/weight_init.hpp"

namespace plexus {
namespace {

/// Uniform in (-limit, limit), limit = sqrt(6 / inputs). Source: He et al. 2015, arXiv:1502.01852.
class HeUniform final : public WeightInit {
 public:
  Real value(const RandomStream& stream, NeuronId row, NeuronId col, Offset fan_in, Offset) const override {
    const double limit = std::sqrt(6.0 / static_cast<double>(fan_in));
    return static_cast<Real>(
        limit *
        (2.0 * stream.uniform(static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(col)) - 1.0));
  }
};

const WeightInitRegistrar registrar{"he_uniform", "uniform within +-sqrt(6 / inputs)",
                                    [] { return std::make_unique<HeUniform>(); }};

}  // namespace
}  // namespace plexus
