#include <cmath>
#include <memory>

#include "src/init/weight_init.hpp"

namespace plexus {
namespace {

/// Normal with deviation 0.1, whatever the size of the layer. Source: the truly sparse scripts published with
/// SET (Mocanu et al. 2018, arXiv:1707.04780).
class Normal final : public WeightInit {
 public:
  void draw(const RandomStream& stream, std::span<const NeuronId> rows, std::span<const NeuronId> cols, Fans,
            std::span<Real> values) const override {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double z =
          stream.normal(static_cast<std::uint64_t>(rows[i]), static_cast<std::uint64_t>(cols[i]));
      values[i] = static_cast<Real>(z / 10.0);
    }
  }
};

const WeightInitRegistrar registrar{"normal", "normal, deviation 0.1",
                                    [] { return std::make_unique<Normal>(); }};

}  // namespace
}  // namespace plexus
