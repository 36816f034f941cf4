#pragma once

#include "src/rewire/growth_rule.hpp"

namespace plexus {

/// SET growth that prefers blocks. Of the connections to grow, the share that `GrowthInput::inside` names,
/// rounded, is drawn uniformly among the empty cells inside blocks, as far as there are so many; all others
/// uniformly among the empty cells that are left, inside and outside. UniformGrowth where it names none.
///
/// Parts that hold more of a layer's connections in one place send each other fewer activations. Time
/// O(own share of count + connections + rows log(connections of a row)), in parallel.
class LocalGrowth final : public GrowthRule {
 public:
  [[nodiscard]] std::vector<GrownConnection> propose(const GrowthInput& in, Offset count) const override;
};

}  // namespace plexus
