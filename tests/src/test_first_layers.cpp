#include "src/nn/first_layers.hpp"

#include <gtest/gtest.h>

namespace plexus {
namespace {

TEST(FirstLayers, CapWhatEpsilonAsksForAndFixTheOutputLayer) {
  ExperimentConfig config;
  config.network.layers = {784, 1000, 10};
  config.topology.epsilon = 20;

  const auto plans = plan_layers(config);

  EXPECT_NEAR(plans[0].density, 20.0 * 1784 / 784000, 1e-12);
  EXPECT_FALSE(plans[0].capped);
  EXPECT_TRUE(plans[0].evolves);
  EXPECT_EQ(plans[1].density, 1.0);
  EXPECT_TRUE(plans[1].capped);
  EXPECT_FALSE(plans[1].evolves);
  EXPECT_EQ(plans[1].kind, LayerKind::sparse);
}

}  // namespace
}  // namespace plexus
