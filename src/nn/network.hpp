#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/nn/activation.hpp"
#include "src/nn/batch.hpp"
#include "src/nn/layer.hpp"
#include "src/nn/line_magnitudes.hpp"
#include "src/nn/loss.hpp"
#include "src/nn/sliced_layer.hpp"
#include "src/parts/halo.hpp"
#include "src/parts/parts.hpp"
#include "src/state/dataset.hpp"
#include "src/support/function_ref.hpp"
#include "src/support/random_stream.hpp"

namespace plexus {

/// For each level, inputs first, where its neurons are cut into parts.
using LevelCuts = std::vector<std::vector<Index>>;

/// Layers with the activations between them, and the activations of the batch in work. Independent of ranks:
/// one rank's network handles one rank's share of a batch. Several parts may hold one network between them:
/// then the passes and `send_weights` are collective over the parts, which all handle the same samples.
class Network {
 public:
  /// Continues from `layers`; a new network starts from `first_layers`.
  /// @throws InputError if `config` names an activation or loss that does not exist.
  Network(const NetworkConfig& config, std::vector<LayerSnapshot> layers);

  /// Gives layer l, or a slice of it; asked once for each, first to last, when those before are in place.
  using LayerSource = FunctionRef<LayerSnapshot(std::size_t l)>;
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

  /// Lines that the slabs of all layers have.
  [[nodiscard]] Index lines_per_slab() const;

  /// Gathers the samples `ids` of `data` for the passes of this network.
  void gather(Batch& batch, const Dataset& data, std::span<const std::int64_t> ids) const;

  /// Of one part: where the neurons of each level are cut; empty for a whole network.
  [[nodiscard]] const LevelCuts& cuts() const { return cuts_; }
  /// Of one part: its slice of layer l.
  [[nodiscard]] SlicedLayer& slice(std::size_t l) { return *slices_.at(l); }
  /// Of one part, collective: goes on with other slices, cut like this. A slice that was there goes when its
  /// successor has been given.
  void take_slices(LayerSource slices, LevelCuts cuts);
  /// Of one part, collective: the slices have new patterns, and neurons are cut like this.
  void reconnect(LevelCuts cuts);
  /// Collective over the parts. Replaces each value by the largest that a part passed.
  void maximum_over_parts(std::span<std::int64_t> values) {
    if (parts_ != nullptr) parts_->maximum(values);
  }
  /// Bytes that the other parts have sent to this one.
  struct Traffic {
    std::int64_t halo = 0;     ///< activations, and gradients at them
    std::int64_t weights = 0;  ///< that a step changed
  };
  /// Since the last call.
  [[nodiscard]] Traffic take_traffic();

  /// To be called when layer l has taken its step; passes, and `settle`, wait for the weights.
  void send_weights(std::size_t l);
  /// Collective over the parts. To be called before layers are looked at or changed.
  void settle();

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
  void make_activations(const NetworkConfig& config, std::size_t depth);
  void receive_weights(std::size_t l);
  void count_traffic();
  void share_magnitudes(std::span<LineMagnitudes* const> levels, Index lines);
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
  Parts* parts_ = nullptr;  ///< null for a whole network; what follows is empty then
  LevelCuts cuts_;
  std::vector<SlicedLayer*> slices_;
  std::vector<bool> weights_sent_;
  std::vector<std::unique_ptr<Halo>> activation_halos_;  ///< of each layer's outputs
  std::vector<std::unique_ptr<Halo>> gradient_halos_;    ///< of each layer's outputs but the last one's
  Traffic traffic_;
  std::vector<std::int64_t> magnitudes_;  ///< shared between parts at the moment
};

}  // namespace plexus
