#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/init/weight_init.hpp"
#include "src/support/error.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

std::unique_ptr<WeightInit> init_named(const std::string& name) {
  return WeightInitRegistry::instance().make(name, "network.init");
}

struct Moments {
  double mean = 0;
  double deviation = 0;
  double largest = 0;
};

Moments moments_of(const std::string& name, Offset fan_in, Offset fan_out) {
  const auto init = init_named(name);
  const RandomStream stream(5, Purpose::weight);
  const int n = 40000;
  Moments m;
  for (NeuronId i = 0; i < n; ++i) {
    const double w = static_cast<double>(init->value(stream, i / 200, i % 200, {fan_in, fan_out}));
    m.mean += w / n;
    m.deviation += w * w / n;
    m.largest = std::max(m.largest, std::abs(w));
  }
  m.deviation = std::sqrt(m.deviation);
  return m;
}

TEST(WeightInit, KnowsTheseNames) {
  EXPECT_EQ(WeightInitRegistry::instance().names(),
            (std::vector<std::string>{"glorot_normal", "he_uniform", "normal", "xavier_uniform"}));
}

TEST(WeightInit, AnUnknownNameIsAnInputError) { EXPECT_THROW(init_named("he_unifrom"), InputError); }

TEST(WeightInit, UniformOnesFillTheirRange) {
  const double he = std::sqrt(6.0 / 300);
  const double xavier = std::sqrt(6.0 / (300 + 500));

  const Moments he_moments = moments_of("he_uniform", 300, 500);
  const Moments xavier_moments = moments_of("xavier_uniform", 300, 500);

  EXPECT_LE(he_moments.largest, he * (1 + 1e-6));
  EXPECT_GE(he_moments.largest, 0.99 * he);
  EXPECT_NEAR(he_moments.mean, 0, 0.02 * he);
  EXPECT_NEAR(he_moments.deviation, he / std::sqrt(3.0), 0.02 * he);
  EXPECT_LE(xavier_moments.largest, xavier * (1 + 1e-6));
  EXPECT_GE(xavier_moments.largest, 0.99 * xavier);
}

TEST(WeightInit, NormalOnesHaveTheirDeviation) {
  const double glorot = std::sqrt(2.0 / (300 + 500));

  EXPECT_NEAR(moments_of("glorot_normal", 300, 500).deviation, glorot, 0.02 * glorot);
  EXPECT_NEAR(moments_of("normal", 300, 500).deviation, 0.1, 0.002);
  EXPECT_GT(moments_of("normal", 300, 500).largest, 0.3);
}

TEST(WeightInit, AWeightDependsOnBothEndsAndNothingElse) {
  const RandomStream stream(5, Purpose::weight);
  for (const std::string& name : WeightInitRegistry::instance().names()) {
    const auto init = init_named(name);
    const Real w = init->value(stream, 3, 4, {10, 10});

    EXPECT_EQ(init_named(name)->value(stream, 3, 4, {10, 10}), w) << name;
    EXPECT_NE(init->value(stream, 4, 3, {10, 10}), w) << name;
    EXPECT_NE(init->value(stream, 3, 5, {10, 10}), w) << name;
    EXPECT_NE(init->value(RandomStream(5, Purpose::grown_weight), 3, 4, {10, 10}), w) << name;
  }
}

TEST(WeightInit, ManyWeightsAreDrawnAsOneByOne) {
  const RandomStream stream(5, Purpose::weight);
  for (const std::string& name : WeightInitRegistry::instance().names()) {
    const auto init = init_named(name);
    for (const std::size_t count : {0, 1, 7, 8, 9, 64, 65, 300}) {
      std::vector<NeuronId> rows;
      std::vector<NeuronId> cols;
      for (std::size_t i = 0; i < count; ++i) {
        rows.push_back(static_cast<NeuronId>(i) / 10);
        cols.push_back(static_cast<NeuronId>(i) * 7 + (NeuronId{1} << 40));
      }

      std::vector<Real> values(count);
      init->draw(stream, rows, cols, {30, 20}, values);

      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(values[i], init->value(stream, rows[i], cols[i], {30, 20}))
            << name << ", " << i << " of " << count;
      }
    }
  }
}

TEST(WeightInit, UniformOnesFollowTheirFormula) {
  const RandomStream stream(5, Purpose::weight);

  const double he = std::sqrt(6.0 / 30) * (2.0 * stream.uniform(3, 4) - 1.0);
  const double xavier = std::sqrt(6.0 / 50) * (2.0 * stream.uniform(3, 4) - 1.0);

  EXPECT_EQ(init_named("he_uniform")->value(stream, 3, 4, {30, 20}), static_cast<Real>(he));
  EXPECT_EQ(init_named("xavier_uniform")->value(stream, 3, 4, {30, 20}), static_cast<Real>(xavier));
}

TEST(WeightInit, FirstValuesDoNotDependOnTheNumberOfThreads) {
  const auto init = init_named("he_uniform");
  const RandomStream stream(5, Purpose::weight);
  const Topology topology = erdos_renyi(301, 300, 0.6, RandomStream(5, Purpose::topology));

  for (const int threads : thread_counts) {
    const auto sparse = with_threads(threads, [&] { return first_values(*init, stream, topology); });
    const auto dense = with_threads(threads, [&] { return first_dense_values(*init, stream, 301, 300); });

    for (Index row = 0; row < topology.rows; ++row) {
      for (Offset p = topology.row_ptrs[row]; p < topology.row_ptrs[row + 1]; ++p) {
        ASSERT_EQ(sparse[p], dense[row * 300 + topology.col_idxs[p]]) << threads;
      }
    }
  }
}

TEST(WeightInit, FirstValuesStandInTheOrderOfTheConnections) {
  const auto init = init_named("he_uniform");
  const RandomStream stream(5, Purpose::weight);

  const std::vector<Real> sparse = first_values(*init, stream, topology_of({".x.", "x.x"}));
  const std::vector<Real> dense = first_dense_values(*init, stream, 2, 3);

  const auto value = [&](NeuronId row, NeuronId col) { return init->value(stream, row, col, {3, 2}); };
  EXPECT_EQ(sparse, (std::vector<Real>{value(0, 1), value(1, 0), value(1, 2)}));
  EXPECT_EQ(dense, (std::vector<Real>{value(0, 0), value(0, 1), value(0, 2), value(1, 0), value(1, 1),
                                      value(1, 2)}));
}

}  // namespace
}  // namespace plexus
