#include <memory>

#include "src/rewire/rewire_method.hpp"

namespace plexus {
namespace {

const RewireMethodRegistrar registrar{"static",
                                      "keep the first topology; only neuron pruning removes connections",
                                      [] { return std::make_unique<RewireMethod>(); }};

}  // namespace
}  // namespace plexus
