#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/nn/activation.hpp"
#include "src/nn/batch.hpp"
#include "src/nn/layer.hpp"
#include "src/nn/line_magnitudes.hpp"
#include "src/nn/loss.hpp"
#include "src/support/function_ref.hpp"
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

  /// Whether `gradient_bound` is wanted, which costs a look at all activations: true unless said otherwise.
  void bounds_wanted(bool wanted) { bounds_wanted_ = wanted; }

  /// How the inputs of a batch are to be gathered.
  [[nodiscard]] Index lines_per_slab() const;

  /// What keys the dropout masks, besides layer, neuron and sample.
  struct DropoutKey {
    std::uint64_t seed;
    std::int64_t epoch;
  };

  /// Computes the activations of all layers for `batch`; without a key no activation is dropped (evaluation).
  void forward(const Batch& batch, std::optional<DropoutKey> dropout);

  /// Loss over the samples of `batch` after `forward`.
  LossSum loss(const Batch& batch);

  /// The same, and prepares `backward`: the gradient of weight * (sum of losses) at the last layer's output.
  LossSum loss_and_delta(const Batch& batch, double weight);

  /// Carries the gradient back through layer l, whose output gradient is known: the last layer after
  /// `loss_and_delta`, each other one after the layer behind it.
  /// @param use   what becomes of the gradient of the layer's parameters
  /// @param poll  called now and then by the calling thread
  /// @return      what Layer::backward returns
  template <class Value>
  std::uint64_t backward(std::size_t l, const Batch& batch, const GradientUse<Value>& use,
                         FunctionRef<void()> poll);
  /// The gradient of layer l's parameters alone, after `backward` of this layer and before the next
  /// `forward`.
  template <class Value>
  void weight_gradient(std::size_t l, const Batch& batch, const GradientUse<Value>& use);

  /// No sum over one shard's samples in the gradient of layer l can be larger. Infinite where activations or
  /// output gradients are not finite. A property of the samples: the maximum over ranks is that of one rank.
  [[nodiscard]] double gradient_bound(std::size_t l, const Batch& batch) const;

  /// Outputs of the last layer after `forward`.
  [[nodiscard]] const Slabs& outputs() const { return work_.back().a; }

 private:
  struct Work {
    Slabs z;      ///< before the activation, where that must be kept
    Slabs a;      ///< after activation and dropout
    Slabs delta;  ///< gradient at z
    std::vector<std::uint16_t> mask;
    LineMagnitudes a_magnitudes;
    LineMagnitudes delta_magnitudes;
  };
  [[nodiscard]] const Slabs& input_of(std::size_t l, const Batch& batch) const;
  /// Outputs of layer l before the activation, or what tells their signs.
  [[nodiscard]] Slabs& z_of(std::size_t l);
  [[nodiscard]] std::uint16_t* mask_of(std::size_t l, Index slab);
  template <class OnSample>
  LossSum over_samples(const Batch& batch, OnSample&& on_sample);

  double dropout_;
  bool bounds_wanted_ = true;
  bool masked_ = false;  ///< whether the last forward used dropout
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<std::unique_ptr<Activation>> activations_;
  std::unique_ptr<Loss> loss_;
  std::vector<Work> work_;
};

}  // namespace plexus
