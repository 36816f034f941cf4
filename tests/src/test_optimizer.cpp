#include "src/optim/optimizer.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace plexus {
namespace {

/// One parameter and its momentum.
struct Parameter {
  Real value = 1.0F;
  Real momentum = 0.0F;
};

/// Two steps on one weight of 1.0 with gradients 0.5 and 0.25.
Parameter after_two_steps(const OptimizerConfig& config) {
  const auto optimizer = OptimizerRegistry::instance().make("sgd", "optimizer.name", config);
  EXPECT_EQ(optimizer->states(), 1U);
  Parameter p;
  const ParameterBlock block{&p.value, {&p.momentum}, 1};
  for (const Real gradient : {0.5F, 0.25F}) optimizer->update(block, &gradient, 0.1);
  return p;
}

OptimizerConfig config_of(double momentum, bool nesterov, double weight_decay, const char* decay) {
  OptimizerConfig config;
  config.momentum = momentum;
  config.nesterov = nesterov;
  config.weight_decay = weight_decay;
  config.decay = decay;
  return config;
}

TEST(Sgd, HeavyBall) {
  const Parameter p = after_two_steps(config_of(0.9, false, 0.0, "coupled"));

  // v1 = -0.05, w1 = 0.95; v2 = -0.045 - 0.025 = -0.07, w2 = 0.88
  EXPECT_NEAR(p.momentum, -0.07, 1e-7);
  EXPECT_NEAR(p.value, 0.88, 1e-7);
}

TEST(Sgd, Nesterov) {
  const Parameter p = after_two_steps(config_of(0.9, true, 0.0, "coupled"));

  // v1 = -0.05, w1 = 1 - 0.045 - 0.05 = 0.905; v2 = -0.07, w2 = 0.905 - 0.063 - 0.025 = 0.817
  EXPECT_NEAR(p.value, 0.817, 1e-7);
}

TEST(Sgd, UncoupledDecayIsNotScaledByTheRate) {
  const Parameter p = after_two_steps(config_of(0.0, false, 0.01, "uncoupled"));

  // w1 = 1 - 0.05 - 0.01 = 0.94; w2 = 0.94 - 0.025 - 0.0094 = 0.9056
  EXPECT_NEAR(p.value, 0.9056, 1e-7);
}

TEST(Sgd, CoupledDecayIsPartOfTheGradient) {
  const Parameter p = after_two_steps(config_of(0.0, false, 0.01, "coupled"));

  // w1 = 1 - 0.1 (0.5 + 0.01) = 0.949; w2 = 0.949 - 0.1 (0.25 + 0.00949) = 0.923051
  EXPECT_NEAR(p.value, 0.923051, 1e-7);
}

TEST(LearningRate, ConstantStepAndCosine) {
  OptimizerConfig config;
  config.learning_rate = 0.1;
  EXPECT_DOUBLE_EQ(learning_rate(config, 99, 10, 10), 0.1);

  config.schedule = "step";
  config.step_epochs = 2;
  config.step_factor = 0.5;
  EXPECT_DOUBLE_EQ(learning_rate(config, 19, 10, 10), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(config, 20, 10, 10), 0.05);
  EXPECT_DOUBLE_EQ(learning_rate(config, 40, 10, 10), 0.025);

  config.schedule = "cosine";
  config.final_rate = 0.02;
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 10, 10), 0.1);
  EXPECT_NEAR(learning_rate(config, 50, 10, 10), 0.06, 1e-12);
  EXPECT_NEAR(learning_rate(config, 100, 10, 10), 0.02, 1e-12);
}

TEST(LearningRate, WarmUpRisesFromTheFirstStep) {
  OptimizerConfig config;
  config.learning_rate = 0.1;
  config.warmup_epochs = 2;

  EXPECT_NEAR(learning_rate(config, 0, 10, 10), 0.005, 1e-12);
  EXPECT_NEAR(learning_rate(config, 9, 10, 10), 0.05, 1e-12);
  EXPECT_NEAR(learning_rate(config, 19, 10, 10), 0.1, 1e-12);
  EXPECT_NEAR(learning_rate(config, 30, 10, 10), 0.1, 1e-12);
}

TEST(Optimizers, NamesAreTheExpectedOnes) {
  EXPECT_EQ(OptimizerRegistry::instance().names(), std::vector<std::string>{"sgd"});
}

}  // namespace
}  // namespace plexus
