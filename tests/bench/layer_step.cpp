#include "tests/bench/layer_step.hpp"

#include <algorithm>
#include <utility>

#include "src/nn/first_layers.hpp"
#include "src/support/random_stream.hpp"

namespace plexus::bench {

namespace {

/// Exact gradients are multiples of 1 / scale: about as fine as training chooses them.
constexpr double scale = 0x1p30;

/// Small, so that the weights stay what they are however often a step is repeated.
constexpr double learning_rate = 1e-9;

/// Uniform in [-1, 1); lanes without a sample hold 0.
Slabs random_slabs(Index neurons, Offset samples, Index lines_per_slab, std::uint64_t number) {
  const RandomStream stream(1, Purpose::subset, 0, number);
  Slabs slabs;
  slabs.resize(lines_of(samples), neurons, lines_per_slab);
  const Offset lanes = Offset{slabs.lines()} * line_samples;
  for (Offset first = 0; first < lanes; first += 4) {
    for (Index neuron = 0; neuron < neurons; ++neuron) {
      const auto words = stream.words(static_cast<std::uint64_t>(neuron), static_cast<std::uint64_t>(first));
      for (Index k = 0; k < 4; ++k) {
        const auto value =
            static_cast<Real>(static_cast<std::int32_t>(words[static_cast<std::size_t>(k)])) * 0x1p-31F;
        slabs.at(first + k, neuron) = first + k < samples ? value : Real{0};
      }
    }
  }
  return slabs;
}

/// Nothing follows a layer here.
constexpr auto nothing = [](Index, RowRange) {};

std::unique_ptr<Optimizer> sgd() {
  const OptimizerConfig config;
  return OptimizerRegistry::instance().make(config.name, "optimizer.name", config);
}

}  // namespace

LayerSnapshot new_layer(Index rows, Index cols, double density) {
  ExperimentConfig config;
  config.network.layers = {cols, rows};
  config.topology.density = density;
  config.topology.output_layer = "evolved";
  return std::move(first_layers(config).front());
}

void settle(Layer& layer) {
  const auto optimizer = sgd();
  const std::vector<Real> gradient(static_cast<std::size_t>(layer.parameters()), Real{0});
  layer.update({*optimizer, learning_rate}, 0, layer.parameters(),
               [&](Offset first, Offset, Real*) { return gradient.data() + first; });
}

LayerStep::LayerStep(LayerSnapshot state, Offset samples)
    : samples_(samples),
      layer_(make_layer(std::move(state))),
      optimizer_(sgd()),
      x_(random_slabs(layer_->cols(), samples, lines_per_slab(), 0)),
      delta_(random_slabs(layer_->rows(), samples, lines_per_slab(), 1)) {}

Index LayerStep::lines_per_slab() const { return slab_lines_for(std::max(layer_->rows(), layer_->cols())); }

void LayerStep::forward() { layer_->forward(x_, z_, nothing); }

void LayerStep::backward(Sums sums) { step(&dx_, sums); }

void LayerStep::first_layer_backward(Sums sums) { step(nullptr, sums); }

void LayerStep::step(Slabs* dx, Sums sums) {
  const OptimizerStep step{*optimizer_, learning_rate};
  if (sums == Sums::exact) {
    layer_->backward(x_, delta_, dx, ExactGradient{scale, nullptr, &step}, nothing);
  } else {
    layer_->backward(x_, delta_, dx, FastGradient{1, nullptr, &step}, nothing);
  }
}

void LayerStep::gradient(Sums sums) {
  const auto parameters = static_cast<std::size_t>(layer_->parameters());
  if (sums == Sums::exact) {
    exact_gradient_.resize(parameters);
    layer_->backward(x_, delta_, nullptr, ExactGradient{scale, exact_gradient_.data(), nullptr}, nothing);
  } else {
    fast_gradient_.resize(parameters);
    layer_->backward(x_, delta_, nullptr, FastGradient{1, fast_gradient_.data(), nullptr}, nothing);
  }
}

double LayerStep::flops(int products) const {
  return 2.0 * products * static_cast<double>(layer_->connections()) * static_cast<double>(samples_);
}

std::vector<Real> LayerStep::weight_gradients() const {
  const std::vector<Offset> order = layer_->gradient_order();
  std::vector<Real> gradients(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    gradients[static_cast<std::size_t>(order[i])] = fast_gradient_[i];
  }
  return gradients;
}

std::vector<Real> LayerStep::row_major(const Slabs& slabs) const {
  std::vector<Real> values(static_cast<std::size_t>(slabs.neurons()) * static_cast<std::size_t>(samples_));
  for (Index neuron = 0; neuron < slabs.neurons(); ++neuron) {
    for (Offset sample = 0; sample < samples_; ++sample) {
      values[static_cast<std::size_t>(neuron * samples_ + sample)] = slabs.at(sample, neuron);
    }
  }
  return values;
}

}  // namespace plexus::bench
