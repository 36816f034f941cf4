#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "src/rewire/rules/two_sided_magnitude.hpp"
#include "src/support/error.hpp"
#include "src/support/random_stream.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

std::vector<Offset> dropped(const std::vector<Real>& values, double drop_fraction) {
  const Topology nothing;  // the rule looks at values only
  const LayerEdit no_edit;
  return TwoSidedMagnitude().select({KeptConnections(nothing, no_edit), values, drop_fraction});
}

/// The published script, line by line:
///     values = np.sort(w)
///     first_zero = np.abs(values).argmin()
///     last_zero = n - np.abs(values)[::-1].argmin()
///     neg_cut = values[int((1 - zeta) * first_zero)]
///     pos_cut = values[int(min(n - 1, last_zero + zeta * (n - last_zero)))]
///     keep = (w > pos_cut) | (w < neg_cut)
std::vector<Offset> dropped_by_script(const std::vector<Real>& w, double zeta) {
  if (w.empty()) return {};
  std::vector<Real> values = w;
  std::sort(values.begin(), values.end());
  const auto n = static_cast<Offset>(values.size());
  Offset first_zero = 0;
  for (Offset i = 1; i < n; ++i) {
    if (std::abs(values[i]) < std::abs(values[first_zero])) first_zero = i;
  }
  Offset last = n - 1;
  for (Offset i = n - 2; i >= 0; --i) {
    if (std::abs(values[i]) < std::abs(values[last])) last = i;
  }
  const Offset last_zero = last + 1;
  const Real neg_cut = values[static_cast<Offset>((1 - zeta) * static_cast<double>(first_zero))];
  const Real pos_cut = values[static_cast<Offset>(
      std::min(static_cast<double>(n - 1),
               static_cast<double>(last_zero) + zeta * static_cast<double>(n - last_zero)))];
  std::vector<Offset> positions;
  for (Offset p = 0; p < n; ++p) {
    const bool keep = w[p] > pos_cut || w[p] < neg_cut;
    if (!keep) positions.push_back(p);
  }
  return positions;
}

TEST(TwoSidedMagnitude, DropsTheShareOfEachSignNearestToZero) {
  // Ascending: -4 -3 -2 -1 1 2 3 4 5. q = 3 counts those below -1, r = 5 stands behind 1.
  // neg_cut = v[int(0.5 * 3)] = -3, pos_cut = v[int(5 + 0.5 * 4)] = 4: strictly beyond stay -4 and 5.
  const std::vector<Real> values = {5, -4, 1, -3, 2, -2, 3, -1, 4};

  EXPECT_EQ(dropped(values, 0.5), (std::vector<Offset>{2, 3, 4, 5, 6, 7, 8}));
}

TEST(TwoSidedMagnitude, EdgeCasesMatchTheScript) {
  const Real z = 0;
  const std::vector<std::vector<Real>> layers = {{},
                                                 {3},
                                                 {-3},
                                                 {0},
                                                 {-z},
                                                 {0, 0, 0},
                                                 {-z, 0, -z},
                                                 {1, 2, 3, 4},
                                                 {-1, -2, -3},
                                                 {2, 2, 2},
                                                 {-2, -2},
                                                 {-1, 1},
                                                 {-1, -1, 1, 1},
                                                 {-1, 0, 1},
                                                 {-1, -z, 0, 1, 1},
                                                 {0, 1, 2},
                                                 {-2, -1, 0},
                                                 {-2, -1, 1},
                                                 {-1, 1, 2},
                                                 {1e30F, -1e-40F, 1e-40F, -1e30F},
                                                 {-5, 1, 7},
                                                 {5, -1, -7, -8}};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const double zeta : {0.0, 0.1, 0.3, 0.5, 0.999, 1.0}) {
      EXPECT_EQ(dropped(layers[i], zeta), dropped_by_script(layers[i], zeta))
          << "layer " << i << ", zeta " << zeta;
    }
  }
}

/// Random values with `levels` magnitudes, or all distinct where it is 0, with a share of signed zeros.
std::vector<Real> random_layer(std::uint64_t seed, Offset size, int levels, double zeros, double negatives) {
  const RandomStream stream(seed, Purpose::weight);
  std::vector<Real> values;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(size); ++i) {
    double magnitude = stream.uniform(i, 0);
    if (levels > 0) magnitude = std::ceil(magnitude * levels) / levels;
    if (stream.uniform(i, 1) < zeros) magnitude = 0;
    values.push_back(static_cast<Real>(stream.uniform(i, 2) < negatives ? -magnitude : magnitude));
  }
  return values;
}

TEST(TwoSidedMagnitude, RandomLayersMatchTheScript) {
  std::uint64_t seed = 0;
  for (const Offset size : {2, 3, 5, 10, 33, 100, 1001}) {
    for (const int levels : {0, 1, 3, 20}) {
      for (const double zeros : {0.0, 0.05, 0.7}) {
        for (const double negatives : {0.0, 0.02, 0.5, 1.0}) {
          for (const double zeta : {0.1, 0.3, 0.7}) {
            const std::vector<Real> values = random_layer(++seed, size, levels, zeros, negatives);

            ASSERT_EQ(dropped(values, zeta), dropped_by_script(values, zeta))
                << size << " values, " << levels << " levels, zeros " << zeros << ", negatives " << negatives
                << ", zeta " << zeta;
          }
        }
      }
    }
  }
}

TEST(TwoSidedMagnitude, LargeLayersMatchTheScriptForAnyNumberOfThreads) {
  std::uint64_t seed = 100;
  for (const int levels : {0, 1, 50}) {
    for (const double zeros : {0.0, 0.3}) {
      const std::vector<Real> values = random_layer(++seed, 300000, levels, zeros, 0.4);
      const std::vector<Offset> expected = dropped_by_script(values, 0.3);

      for (const int threads : thread_counts) {
        EXPECT_EQ(with_threads(threads, [&] { return dropped(values, 0.3); }), expected)
            << threads << " threads, " << levels << " levels, zeros " << zeros;
      }
    }
  }
}

TEST(TwoSidedMagnitude, InfiniteWeightsAreNumbers) {
  const Real most = std::numeric_limits<Real>::infinity();
  const std::vector<Real> values = {-most, 1, 2, most, -3, -1, -most};

  EXPECT_EQ(dropped(values, 0.4), dropped_by_script(values, 0.4));
}

TEST(TwoSidedMagnitude, WithoutTiesTheCountsAreThoseOfTheRule) {
  const std::vector<Real> values = random_layer(7, 1000, 0, 0.0, 0.4);
  const auto negatives = std::count_if(values.begin(), values.end(), [](Real w) { return w < 0; });
  const auto positives = 1000 - negatives;

  const std::vector<Offset> gone = dropped(values, 0.3);

  EXPECT_NEAR(static_cast<double>(gone.size()), 300, 3);
  const auto gone_negatives =
      std::count_if(gone.begin(), gone.end(), [&](Offset p) { return values[p] < 0; });
  EXPECT_NEAR(static_cast<double>(gone_negatives), 0.3 * static_cast<double>(negatives), 2);
  EXPECT_NEAR(static_cast<double>(static_cast<Offset>(gone.size()) - gone_negatives),
              0.3 * static_cast<double>(positives), 2);
}

TEST(TwoSidedMagnitude, AWeightThatIsNoNumberIsAFault) {
  EXPECT_THROW(dropped({1, std::numeric_limits<Real>::quiet_NaN(), -1}, 0.3), Fault);
}

}  // namespace
}  // namespace plexus
