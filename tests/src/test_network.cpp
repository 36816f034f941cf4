#include "src/nn/network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "src/nn/batch.hpp"
#include "src/nn/first_layers.hpp"
#include "src/support/error.hpp"
#include "src/support/random_stream.hpp"

namespace plexus {
namespace {

Dataset random_data(Offset samples, Index features, Index classes) {
  Dataset data;
  data.features_per_sample = features;
  data.classes = classes;
  const RandomStream stream(1, Purpose::subset);
  for (Offset i = 0; i < samples; ++i) {
    data.labels.push_back(static_cast<std::int32_t>(i % classes));
    for (Index f = 0; f < features; ++f)
      data.features.push_back(
          static_cast<float>(stream.normal(static_cast<std::uint64_t>(i * features + f))));
  }
  return data;
}

ExperimentConfig config_with_dropout(std::vector<Offset> layers) {
  ExperimentConfig config;
  config.network.layers = std::move(layers);
  config.network.dropout = 0.2;
  config.topology.density = 0.4;
  return config;
}

/// What one step computes, and what it learns of the sizes of its gradients.
struct Step {
  LossSum loss;
  std::vector<std::vector<std::int64_t>> gradients;
  std::vector<double> bounds;
};

Step step_of(Network& network, const Batch& batch) {
  Step step;
  network.forward(batch, Network::DropoutKey{3, 1});
  step.loss = network.loss_and_delta(batch, 1.0);
  for (std::size_t l = network.depth(); l-- > 0;) {
    std::vector<std::int64_t> gradient(static_cast<std::size_t>(network.layer(l).parameters()));
    network.backward(l, batch, ExactGradient{0x1p30, gradient.data(), nullptr}, [] {});
    step.gradients.push_back(gradient);
    step.bounds.push_back(network.gradient_bound(l, batch));
  }
  return step;
}

Step step_with(const ExperimentConfig& config, const Dataset& data, Index lines_per_slab,
               bool weight_gradients_wanted = true) {
  std::vector<std::int64_t> ids;
  for (Offset i = 0; i < data.samples(); ++i) ids.push_back(i);
  Batch batch;
  batch.gather(data, ids, lines_per_slab);
  Network network(config.network, first_layers(config));
  network.weight_gradients_wanted(weight_gradients_wanted);
  return step_of(network, batch);
}

TEST(Batch, GathersTheFeaturesThatAreWanted) {
  const Dataset data = random_data(150, 90, 5);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 140; ++i) ids.push_back(i + 5);
  Batch all;
  all.gather(data, ids);
  const std::vector<RowRange> wanted = {{0, 3}, {20, 60}, {89, 90}};

  Batch some;
  some.gather(data, ids, slab_lines, wanted);

  EXPECT_EQ(some.labels, all.labels);
  EXPECT_EQ(some.sample_ids, all.sample_ids);
  for (Index shard = 0; shard < some.inputs.shards(); ++shard) {
    Real largest = 0;
    for (Index feature = 0; feature < 90; ++feature) {
      const bool is_wanted = feature < 3 || (feature >= 20 && feature < 60) || feature == 89;
      for (Offset sample = Offset{shard} * shard_samples; sample < (shard + 1) * shard_samples; ++sample) {
        if (sample >= Offset{some.inputs.lines()} * line_samples) break;
        const Real value = some.inputs.at(sample, feature);
        EXPECT_EQ(value, is_wanted ? all.inputs.at(sample, feature) : Real{0}) << "feature " << feature;
        largest = std::max(largest, std::abs(value));
      }
    }
    EXPECT_EQ(some.magnitudes.largest(shard), largest) << "shard " << shard;
  }
}

TEST(Network, TheLinesOfASlabChangeNoBit) {
  const ExperimentConfig config = config_with_dropout({7, 40, 30, 5});
  const Dataset data = random_data(150, 7, 5);

  const Step tall = step_with(config, data, slab_lines);
  const Step low = step_with(config, data, shard_lines);

  EXPECT_EQ(low.loss.loss, tall.loss.loss);
  EXPECT_EQ(low.loss.correct, tall.loss.correct);
  EXPECT_EQ(low.gradients, tall.gradients);
  EXPECT_EQ(low.bounds, tall.bounds);
}

TEST(Network, LayersThatShareTheMemoryOfTheirGradientsComputeTheSame) {
  const ExperimentConfig config = config_with_dropout({7, 40, 30, 50, 20, 5});
  const Dataset data = random_data(150, 7, 5);

  const Step own = step_with(config, data, slab_lines, true);
  const Step shared = step_with(config, data, slab_lines, false);

  EXPECT_EQ(shared.gradients, own.gradients);
  EXPECT_EQ(shared.bounds, own.bounds);
}

TEST(Network, ComputesTheSameWhenItsActivationsHaveBeenReleased) {
  const ExperimentConfig config = config_with_dropout({7, 40, 30, 5});
  const Dataset data = random_data(40, 7, 5);
  std::vector<std::int64_t> ids(40);
  Batch batch;
  batch.gather(data, ids);
  Network network(config.network, first_layers(config));
  const Step before = step_of(network, batch);

  network.release_activations();
  EXPECT_EQ(network.outputs().size(), 0);

  const Step after = step_of(network, batch);
  EXPECT_EQ(after.loss.loss, before.loss.loss);
  EXPECT_EQ(after.gradients, before.gradients);
  EXPECT_EQ(after.bounds, before.bounds);
}

TEST(Network, RepeatsTheGradientsThatAreWantedAndNoOthers) {
  ExperimentConfig config;
  config.network.layers = {7, 40, 30, 5};
  config.topology.density = 0.4;
  const Dataset data = random_data(40, 7, 5);
  std::vector<std::int64_t> ids(40);
  Batch batch;
  batch.gather(data, ids);
  Network network(config.network, first_layers(config));
  for (const bool wanted : {true, false}) {
    network.weight_gradients_wanted(wanted);
    network.forward(batch, std::nullopt);
    static_cast<void>(network.loss_and_delta(batch, 1.0));
    std::vector<std::vector<std::int64_t>> gradients;
    for (std::size_t l = network.depth(); l-- > 0;) {
      gradients.emplace_back(static_cast<std::size_t>(network.layer(l).parameters()));
      network.backward(l, batch, ExactGradient{0x1p30, gradients.back().data()}, [] {});
    }

    std::vector<std::int64_t> again(gradients.front().size());
    const ExactGradient use{0x1p30, again.data()};
    if (wanted) {
      network.weight_gradient(network.depth() - 1, batch, use);
      EXPECT_EQ(again, gradients.front());
    } else {
      EXPECT_THROW(network.weight_gradient(network.depth() - 1, batch, use), Fault);
    }
  }
}

TEST(Network, WideLayersHaveSlabsOfOneShard) {
  ExperimentConfig config;
  config.topology.density = 1e-4;
  config.network.layers = {7, 1000, 5};
  EXPECT_EQ(Network(config.network, first_layers(config)).lines_per_slab(), slab_lines);
  config.network.layers = {7, 50000, 5};
  EXPECT_EQ(Network(config.network, first_layers(config)).lines_per_slab(), shard_lines);
}

}  // namespace
}  // namespace plexus
