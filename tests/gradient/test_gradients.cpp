// Gradients against central differences, in double precision: this executable is built with Real = double.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "src/nn/first_layers.hpp"
#include "src/nn/network.hpp"

namespace plexus {
namespace {

static_assert(std::is_same_v<Real, double>);

constexpr Offset samples = 37;  // two shards, the second one partly empty
constexpr double step = 1e-5;
constexpr double tolerance = 1e-7;
constexpr double scale = 0x1p40;  // of exact gradients
const Network::DropoutKey dropout_key{3, 1};

/// A network with two hidden layers and a batch for it.
struct Problem {
  ExperimentConfig config;
  Dataset data;
  Batch batch;

  Problem() {
    config.network.layers = {7, 9, 8, 5};
    config.network.init = "glorot_normal";
    config.topology.density = 0.4;
    config.training.seed = 11;
    data.features_per_sample = 7;
    data.classes = 5;
    const RandomStream stream(1, Purpose::subset);
    std::vector<std::int64_t> ids;
    for (Offset i = 0; i < samples; ++i) {
      ids.push_back(i);
      data.labels.push_back(static_cast<std::int32_t>(i % 5));
      for (int f = 0; f < 7; ++f) {
        data.features.push_back(static_cast<float>(stream.normal(static_cast<std::uint64_t>(i * 7 + f))));
      }
    }
    batch.gather(data, ids);
  }

  [[nodiscard]] std::vector<LayerSnapshot> layers() const {
    auto layers = first_layers(config);
    const RandomStream stream(2, Purpose::weight);
    for (auto& layer : layers) {
      for (std::size_t i = 0; i < layer.biases.size(); ++i) layer.biases[i] = 0.3 * stream.normal(i);
    }
    return layers;
  }

  [[nodiscard]] std::optional<Network::DropoutKey> dropout() const {
    return config.network.dropout > 0 ? std::optional(dropout_key) : std::nullopt;
  }

  /// Mean loss over the batch, in double and not rounded.
  [[nodiscard]] double mean_loss(const std::vector<LayerSnapshot>& layers) const {
    Network network(config.network, layers);
    network.forward(batch, dropout());
    const auto loss = LossRegistry::instance().make(config.network.loss, "network.loss");
    double sum = 0;
    for (Offset i = 0; i < samples; ++i) {
      std::vector<Real> outputs;
      for (Index c = 0; c < 5; ++c) {
        outputs.push_back(network.outputs().at(i, c));
      }
      sum += loss->evaluate(outputs.data(), 5, data.labels[static_cast<std::size_t>(i)], nullptr);
    }
    return sum / samples;
  }

  /// Compares every weight and bias of every layer.
  void expect_gradients_match() const {
    const auto layers = this->layers();
    Network network(config.network, layers);
    network.forward(batch, dropout());
    network.loss_and_delta(batch, 1.0 / samples);
    for (std::size_t l = network.depth(); l-- > 0;) {
      std::vector<Real> fast(static_cast<std::size_t>(network.layer(l).parameters()));
      std::vector<std::int64_t> exact(fast.size());
      network.backward(l, batch, ExactGradient{scale, exact.data(), nullptr}, [] {});
      network.weight_gradient(l, batch, FastGradient{1.0, fast.data(), nullptr});
      const auto order = network.layer(l).gradient_order();
      for (std::size_t i = 0; i < fast.size(); ++i) {
        const auto loss_at = [&](double change) {
          auto changed = layers;
          if (i < order.size()) {
            changed[l].values[static_cast<std::size_t>(order[i])] += change;
          } else {
            changed[l].biases[i - order.size()] += change;
          }
          return mean_loss(changed);
        };
        const double difference = (loss_at(step) - loss_at(-step)) / (2 * step);
        const std::string where = "layer " + std::to_string(l + 1) + ", parameter " + std::to_string(i);
        ASSERT_NEAR(fast[i], difference, tolerance) << where;
        ASSERT_NEAR(static_cast<double>(exact[i]) / scale, difference, tolerance) << where;
      }
    }
  }
};

TEST(Gradients, EveryActivation) {
  for (const auto& name : ActivationRegistry::instance().names()) {
    SCOPED_TRACE(name);
    Problem problem;
    problem.config.network.activation = name;

    problem.expect_gradients_match();
  }
}

TEST(Gradients, EveryLossAfterEveryOutputActivation) {
  for (const auto& loss : LossRegistry::instance().names()) {
    for (const auto& output : ActivationRegistry::instance().names()) {
      SCOPED_TRACE(loss + " after " + output);
      Problem problem;
      problem.config.network.activation = "tanh";
      problem.config.network.loss = loss;
      problem.config.network.output_activation = output;

      problem.expect_gradients_match();
    }
  }
}

TEST(Gradients, DenseLayersAndDenseOutput) {
  Problem dense;
  dense.config.network.activation = "tanh";
  dense.config.topology.density = 1.0;
  Problem dense_output;
  dense_output.config.network.activation = "leaky_relu";
  dense_output.config.topology.output_layer = "dense";

  EXPECT_EQ(dense.layers()[0].kind, LayerKind::dense);
  EXPECT_EQ(dense_output.layers()[1].kind, LayerKind::sparse);
  EXPECT_EQ(dense_output.layers()[2].kind, LayerKind::dense);
  dense.expect_gradients_match();
  dense_output.expect_gradients_match();
}

TEST(Gradients, WithDropout) {
  for (const char* activation : {"relu", "tanh", "all_relu", "sigmoid"}) {
    SCOPED_TRACE(activation);
    Problem problem;
    problem.config.network.activation = activation;
    problem.config.network.dropout = 0.3;

    problem.expect_gradients_match();
  }
}

TEST(Gradients, NamesAreTheExpectedOnes) {
  EXPECT_EQ(ActivationRegistry::instance().names(),
            (std::vector<std::string>{"all_relu", "leaky_relu", "linear", "relu", "sigmoid", "tanh"}));
  EXPECT_EQ(LossRegistry::instance().names(), (std::vector<std::string>{"cross_entropy", "mse"}));
}

TEST(Activations, AllReluAlternatesTheSlope) {
  const auto value = [](Index layer, double x) {
    const auto f = ActivationRegistry::instance().make("all_relu", "key", ActivationOptions{0.6, layer});
    Real result = 0;
    f->forward(&x, &result, 1);
    return result;
  };

  EXPECT_DOUBLE_EQ(value(2, -1.0), 0.6);
  EXPECT_DOUBLE_EQ(value(3, -1.0), -0.6);
  EXPECT_DOUBLE_EQ(value(4, -1.0), 0.6);
  EXPECT_DOUBLE_EQ(value(2, 2.0), 2.0);
}

}  // namespace
}  // namespace plexus
