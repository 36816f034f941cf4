#include <cmath>
#include <memory>

#include "src/init/weight_init.hpp"

namespace plexus {
namespace {

/// Normal with deviation 0.1, whatever the size of the layer. Source: the truly sparse scripts published with
/// SET (Mocanu et al. 2018, arXiv:1707.04780).
class Normal final : public WeightInit {
 public:
  Real value(const RandomStream& stream, NeuronId row, NeuronId col, Offset, Offset) const override {
    return static_cast<Real>(stream.normal(static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(col)) /
                             10.0);
  }
};

const WeightInitRegistrar registrar{"normal", "normal, deviation 0.1",
                                    [] { return std::make_unique<Normal>(); }};

}  // namespace
}  // namespace plexus
