#include <cmath>
#include <memory>

#include "src/init/weight_init.hpp"

namespace plexus {
namespace {

/// Normal with variance 2 / (inputs + outputs). Source: Glorot, Bengio 2010, AISTATS.
class GlorotNormal final : public WeightInit {
 public:
  void draw(const RandomStream& stream, std::span<const NeuronId> rows, std::span<const NeuronId> cols,
            Fans fans, std::span<Real> values) const override {
    const double deviation = std::sqrt(2.0 / static_cast<double>(fans.in + fans.out));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double z =
          stream.normal(static_cast<std::uint64_t>(rows[i]), static_cast<std::uint64_t>(cols[i]));
      values[i] = static_cast<Real>(deviation * z);
    }
  }
};

const WeightInitRegistrar registrar{"glorot_normal", "normal, variance 2 / (inputs + outputs)",
                                    [] { return std::make_unique<GlorotNormal>(); }};

}  // namespace
}  // namespace plexus
