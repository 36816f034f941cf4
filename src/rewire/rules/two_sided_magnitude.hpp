#pragma once

#include "src/rewire/drop_rule.hpp"

namespace plexus {

/// SET removal: of the negative and of the positive weights, each by itself, the share `drop_fraction`
/// nearest to 0.
///
/// With v = the N values ascending, q = index of the value nearest to 0 counted from below, r = one past the
/// index of the value nearest to 0 counted from above, a connection stays if and only if
///     w < v[int((1 - drop_fraction) q)]   or   w > v[int(min(N - 1, r + drop_fraction (N - r)))],
/// both cuts in double arithmetic and the comparisons strict: connections equal to a cut go, zeros always go.
/// N, v, q and r are those of all parts. Time O(own values) by selection, no sort; parts add up counts, about
/// 150 KB of them. The values must be numbers (Fault).
/// Source: Mocanu et al. 2018, arXiv:1707.04780; the index rule is that of the published scripts.
class TwoSidedMagnitude final : public DropRule {
 public:
  [[nodiscard]] std::vector<Offset> select(const DropInput& in) const override;
};

}  // namespace plexus
