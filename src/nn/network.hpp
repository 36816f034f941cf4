#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/nn/activation.hpp"
#include "src/nn/batch.hpp"
#include "src/nn/layer.hpp"
#include "src/nn/loss.hpp"
#include "src/support/random_stream.hpp"

namespace plexus {

/// Layers with the activations between them, and the activations of the batch in work. Independent of ranks:
/// one rank's network handles one rank's share of a batch.
class Network {
 public:
  /// Continues from `layers`; a new network starts from `first_layers`.
  /// @throws InputError if `config` names an activation or loss that does not exist.
  Network(const NetworkConfig& config, std::vector<LayerSnapshot> layers);

  [[nodiscard]] std::size_t depth() const { return layers_.size(); }
  [[nodiscard]] Layer& layer(std::size_t l) { return *layers_[l]; }
  [[nodiscard]] const Layer& layer(std::size_t l) const { return *layers_[l]; }

  /// What keys the dropout masks, besides layer, neuron and sample.
  struct DropoutKey {
    std::uint64_t seed;
    std::int64_t epoch;
  };

  /// Computes the activations of all layers for `batch`; without a key no activation is dropped (evaluation).
  void forward(const Batch& batch, std::optional<DropoutKey> dropout);

  /// Loss over the samples of `batch` after `forward`.
  LossSum loss(const Batch& batch) const;

  /// The same, and prepares `backward`: the gradient of weight * (sum of losses) at the last layer's output.
  LossSum loss_and_delta(const Batch& batch, double weight);

  /// Carries the gradient back through all layers, last to first. As soon as the gradient at a layer's output
  /// is known, calls gradient_ready(l); `weight_gradient` of that layer may be called then and until the next
  /// forward.
  void backward(const std::function<void(std::size_t)>& gradient_ready);

  /// Gradient of layer l's parameters for `batch`: see Layer.
  GradientCheck weight_gradient(std::size_t l, const Batch& batch, FixedPoint unit, std::int64_t* gradient);
  void weight_gradient(std::size_t l, const Batch& batch, Real* gradient);

  /// Outputs of the last layer after `forward`.
  [[nodiscard]] const Slabs& outputs() const { return work_.back().a; }

 private:
  struct Work {
    Slabs z;      ///< before the activation
    Slabs a;      ///< after activation and dropout
    Slabs delta;  ///< gradient at z
    std::vector<std::uint16_t> mask;
  };

  [[nodiscard]] const Slabs& input_of(std::size_t l, const Batch& batch) const;
  template <class OnSample>
  LossSum for_each_sample(const Batch& batch, OnSample&& on_sample) const;

  double dropout_;
  bool masked_ = false;  ///< whether the last forward used dropout
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<std::unique_ptr<Activation>> activations_;
  std::unique_ptr<Loss> loss_;
  std::vector<Work> work_;
};

}  // namespace plexus
