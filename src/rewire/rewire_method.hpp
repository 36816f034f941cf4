#pragma once

#include <memory>

#include "src/rewire/drop_rule.hpp"
#include "src/rewire/growth_rule.hpp"
#include "src/support/registry.hpp"

namespace plexus {

/// How the connections of a network evolve: which go, and which come instead.
struct RewireMethod {
  std::unique_ptr<const DropRule> drop;  ///< with `growth`; nullptr both in a method that never rewires
  std::unique_ptr<const GrowthRule> growth;

  [[nodiscard]] bool rewires() const { return drop != nullptr && growth != nullptr; }
};

using RewireMethodRegistry = Registry<RewireMethod>;  ///< what config key topology.method can name
using RewireMethodRegistrar = Registrar<RewireMethod>;

}  // namespace plexus
