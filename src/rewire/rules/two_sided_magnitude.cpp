#include "src/rewire/rules/two_sided_magnitude.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/support/error.hpp"

namespace plexus {

namespace {

/// The value that stands at `index` when `values` are sorted. Reorders them.
Real at_rank(std::vector<Real>& values, Offset index) {
  const auto place = values.begin() + index;
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace

std::vector<Offset> TwoSidedMagnitude::select(const DropInput& in) const {
  const auto n = static_cast<Offset>(in.values.size());
  if (n == 0) return {};

  Real nearest = std::numeric_limits<Real>::infinity();  // smallest magnitude
  bool numbers = true;
  for (const Real w : in.values) {
    nearest = std::min(nearest, std::abs(w));
    numbers = numbers && !std::isnan(w);
  }
  ensure(numbers,
         "a layer has weights that are not numbers (the training diverged). Lower optimizer.learning_rate");

  // Every value lies at or beyond -nearest or nearest, so three parts in order make up the sorted array:
  // q values below -nearest, those at +-nearest, and from r on those above nearest.
  std::vector<Real> below;
  std::vector<Real> above;
  for (const Real w : in.values) {
    if (w < -nearest) below.push_back(w);
    if (w > nearest) above.push_back(w);
  }
  const auto q = static_cast<Offset>(below.size());
  const Offset r = n - static_cast<Offset>(above.size());
  const auto neg_index = static_cast<Offset>((1.0 - in.drop_fraction) * static_cast<double>(q));
  const auto pos_index = static_cast<Offset>(std::min(
      static_cast<double>(n - 1), static_cast<double>(r) + in.drop_fraction * static_cast<double>(n - r)));
  // A cut within the middle part keeps the whole part beyond it, whichever of +-nearest stands there.
  const Real neg_cut = neg_index < q ? at_rank(below, neg_index) : -nearest;
  const Real pos_cut = pos_index >= r ? at_rank(above, pos_index - r) : nearest;

  std::vector<Offset> dropped;
  dropped.reserve(static_cast<std::size_t>(in.drop_fraction * static_cast<double>(n)) + 2);
  for (Offset p = 0; p < n; ++p) {
    const Real w = in.values[p];
    if (!(w < neg_cut || w > pos_cut)) dropped.push_back(p);
  }
  return dropped;
}

}  // namespace plexus
