#pragma once

#include "src/rewire/growth_rule.hpp"

namespace plexus {

/// SET growth: every set of `count` empty cells is as likely as any other.
///
/// The empty cells are numbered row by row, through all parts; a keyed sample of these numbers gives the
/// cells. Time O(own share of count + rows + connections of the rows that grow), in parallel; parts send each
/// other the numbers they draw. Source: Mocanu et al. 2018, arXiv:1707.04780.
class UniformGrowth final : public GrowthRule {
 public:
  [[nodiscard]] std::vector<GrownConnection> propose(const GrowthInput& in, Offset count) const override;
};

}  // namespace plexus
