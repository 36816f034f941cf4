#include <memory>

#include "src/rewire/rewire_method.hpp"
#include "src/rewire/rules/local_growth.hpp"
#include "src/rewire/rules/two_sided_magnitude.hpp"

namespace plexus {
namespace {

/// Sparse evolutionary training. Source: Mocanu et al. 2018, arXiv:1707.04780.
const RewireMethodRegistrar registrar{
    "set", "drop the negative and the positive weights nearest to 0, grow as many at random", [] {
      auto method = std::make_unique<RewireMethod>();
      method->drop = std::make_unique<TwoSidedMagnitude>();
      method->growth = std::make_unique<LocalGrowth>();
      return method;
    }};

}  // namespace
}  // namespace plexus
