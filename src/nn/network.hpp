#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/nn/activation.hpp"
#include "src/nn/batch.hpp"
#include "src/nn/layer.hpp"
#include "src/nn/loss.hpp"
#include "src/nn/network_part.hpp"
#include "src/nn/shard_magnitudes.hpp"
#include "src/parts/parts.hpp"
#include "src/state/dataset.hpp"
#include "src/support/function_ref.hpp"
#include "src/support/random_stream.hpp"

namespace plexus {

/// Layers with the activations between them, and the activations of the batch in work. Independent of ranks:
/// one rank's network handles one rank's share of a batch. Several parts may hold one network between them:
/// then the passes and `send_weights` are collective over the parts, which all handle the same samples.
class Network {
 public:
  /// Continues from `layers`; a new network starts from `first_layers`.
  /// @throws InputError if `config` names an activation or loss that does not exist.
  Network(const NetworkConfig& config, std::vector<LayerSnapshot> layers);

  /// The same without a moment at which all snapshots exist.
  Network(const NetworkConfig& config, std::size_t depth, LayerSource layers);

  /// One part of a network. Collective over the parts.
  /// @param slices  the own rows of each layer; columns and col_ids are those of the whole layer
  /// @param cuts    of each level, inputs first: part p owns neurons [cuts[p], cuts[p + 1])
  Network(const NetworkConfig& config, std::vector<LayerSnapshot> slices, Parts& parts, LevelCuts cuts);
  Network(const NetworkConfig& config, LayerSource slices, Parts& parts, LevelCuts cuts);

  [[nodiscard]] std::size_t depth() const { return layers_.size(); }
  [[nodiscard]] Layer& layer(std::size_t l) { return *layers_[l]; }
  [[nodiscard]] const Layer& layer(std::size_t l) const { return *layers_[l]; }

  /// Whether `gradient_bound` is wanted, which costs a look at all activations: true unless said otherwise.
  void bounds_wanted(bool wanted) { bounds_wanted_ = wanted; }

  /// Whether `weight_gradient` is wanted, which costs the memory of output gradients of all layers instead of
  /// two: true unless said otherwise. To be said before the first `loss_and_delta`.
  void weight_gradients_wanted(bool wanted) {
    deltas_.resize(wanted ? depth() : std::min<std::size_t>(depth(), 2));
  }

  /// Lines that the slabs of all layers have.
  [[nodiscard]] Index lines_per_slab() const;

  /// Gathers the samples `ids` of `data` for the passes of this network.
  void gather(Batch& batch, const Dataset& data, std::span<const std::int64_t> ids) const;

  /// Of one part: where the neurons of each level are cut; empty for a whole network.
  [[nodiscard]] const LevelCuts& cuts() const;
  /// Of one part: its slice of layer l.
  [[nodiscard]] SlicedLayer& slice(std::size_t l) { return part_->slice(l); }
  /// Of one part, collective: goes on with other slices, cut like this. A slice that was there goes when its
  /// successor has been given.
  void take_slices(LayerSource slices, LevelCuts cuts) {
    part_->take_slices(layers_, slices, std::move(cuts));
  }
  /// Of one part, collective: the slices have new patterns, and neurons are cut like this.
  void reconnect(LevelCuts cuts) { part_->reconnect(std::move(cuts)); }
  /// Collective over the parts. Replaces each value, from the one call to the other, by the largest that a
  /// part passed.
  void start_maximum_over_parts(std::span<const std::int64_t> values) {
    if (part_ != nullptr) part_->start_maximum(values);
  }
  void finish_maximum_over_parts(std::span<std::int64_t> values) {
    if (part_ != nullptr) part_->finish_maximum(values);
  }
  /// Bytes that other parts have sent to this one since the last call.
  [[nodiscard]] NetworkPart::Traffic take_traffic();
  /// Seconds spent waiting for other parts since the last call.
  [[nodiscard]] double take_seconds_waited() { return part_ == nullptr ? 0.0 : part_->take_seconds_waited(); }

  /// To be called when layer l has taken its step, unless `backward` took it; passes, and `settle`, wait for
  /// the weights.
  void send_weights(std::size_t l) {
    if (part_ != nullptr) part_->send_weights(l);
  }
  /// Collective over the parts. To be called before layers are looked at or changed.
  void settle();
  /// Collective over the parts. Gives back the memory of the passes, which the next `forward` takes anew.
  void release_activations();

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
  /// `forward`. Was wanted.
  template <class Value>
  void weight_gradient(std::size_t l, const Batch& batch, const GradientUse<Value>& use);

  /// No sum over one shard's samples in the gradient of layer l can be larger. Infinite where activations or
  /// output gradients are not finite. A property of the samples: the maximum over ranks is that of one rank.
  [[nodiscard]] double gradient_bound(std::size_t l, const Batch& batch) const;

  /// Outputs of the last layer after `forward`.
  [[nodiscard]] const Slabs& outputs() const { return work_.back().a; }

 private:
  struct Work {
    Slabs z;  ///< before the activation, where that must be kept
    Slabs a;  ///< after activation and dropout
    std::vector<std::uint16_t> mask;
    ShardMagnitudes a_magnitudes;
    ShardMagnitudes delta_magnitudes;
  };
  void make_activations(const NetworkConfig& config, std::size_t depth);
  [[nodiscard]] const Slabs& input_of(std::size_t l, const Batch& batch) const;
  /// Outputs of layer l before the activation, or what tells their signs.
  [[nodiscard]] Slabs& z_of(std::size_t l);
  /// Gradient at z of layer l, until that of the layer two before it is computed if they share their memory.
  [[nodiscard]] Slabs& delta_of(std::size_t l) { return deltas_[l % deltas_.size()]; }
  [[nodiscard]] std::uint16_t* mask_of(std::size_t l, Index slab);
  /// Makes room for the outputs of layer l, and gets ready to compute them.
  void begin_forward(std::size_t l, const Batch& batch);
  void forward(std::size_t l, SlabRange slabs, const Batch& batch, const std::optional<DropoutKey>& dropout);
  /// Makes room for the gradient at the outputs of layer l.
  void begin_delta(std::size_t l, const Batch& batch);
  /// Of one part: layer l has computed its gradient and the one before it, and has taken its step.
  void finish_backward(std::size_t l, Index shards, bool with_step);
  template <class OnSample>
  LossSum over_samples(const Batch& batch, OnSample&& on_sample);

  double dropout_;
  bool bounds_wanted_ = true;
  bool masked_ = false;  ///< whether the last forward used dropout
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<std::unique_ptr<Activation>> activations_;
  std::unique_ptr<Loss> loss_;
  std::vector<Work> work_;
  std::vector<Slabs> deltas_;             ///< of all layers, or two that layers use by turns
  std::unique_ptr<NetworkPart> part_;     ///< null for a whole network; goes first, as it sends from these
  ShardMagnitudes input_magnitudes_;      ///< over all parts
  std::vector<ShardMagnitudes*> shared_;  ///< between parts at the moment
};

}  // namespace plexus
