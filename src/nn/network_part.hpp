#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "src/nn/shard_magnitudes.hpp"
#include "src/nn/sliced_layer.hpp"
#include "src/parts/background_maximum.hpp"
#include "src/parts/halo.hpp"
#include "src/parts/parts.hpp"
#include "src/support/function_ref.hpp"

namespace plexus {

/// For each level, inputs first, where its neurons are cut into parts.
using LevelCuts = std::vector<std::vector<Index>>;

/// Gives layer l, or a slice of it; asked once for each, first to last, when those before are in place.
using LayerSource = FunctionRef<LayerSnapshot(std::size_t l)>;

/// What a part of a network has besides its layers: the other parts, and all that travels to and from them in
/// a pass. Level l here is that of layer l's outputs. Calls are collective over the parts, unless said
/// otherwise, and come from the thread that the network belongs to.
class NetworkPart {
 public:
  explicit NetworkPart(Parts& parts);

  /// Where the neurons of each level are cut: part p owns neurons [cuts[p], cuts[p + 1]).
  [[nodiscard]] const LevelCuts& cuts() const { return cuts_; }
  [[nodiscard]] Parts& parts() { return parts_; }
  [[nodiscard]] SlicedLayer& slice(std::size_t l) { return *slices_.at(l); }

  /// Replaces the layers, each when its successor has been given, by slices, cut like this. Every part has
  /// all outputs, and the whole samples.
  void take_slices(std::vector<std::unique_ptr<Layer>>& layers, LayerSource slices, LevelCuts cuts);
  /// The slices have new patterns, and neurons are cut like this.
  void reconnect(LevelCuts cuts);

  /// Inputs that the first slice reads, or that are own, in ascending ranges; a gap that is not worth the
  /// trouble is part of a range.
  [[nodiscard]] std::span<const RowRange> inputs_read() const { return inputs_read_; }

  /// Brings activations of level l to the parts that read them.
  [[nodiscard]] Halo& activations(std::size_t l) { return *activation_halos_[l]; }
  /// The same for gradients; not for the last level, where each part computes all.
  [[nodiscard]] Halo& gradients(std::size_t l) { return *gradient_halos_[l]; }
  /// Waits for the activations of level l in the slabs before `slab_end`.
  void wait_for_activations(std::size_t l, Index slab_end);
  void wait_for_gradients(std::size_t l);
  /// What was sent of activations and gradients may be changed.
  void finish_halos();
  /// Independent. What is under way makes progress; to be called now and then by layer l's passes.
  void poll_forward(std::size_t l);
  void poll_backward(std::size_t l);

  /// Layer l has taken a step: its weights travel until `receive_weights`.
  void send_weights(std::size_t l);
  void receive_weights(std::size_t l);

  /// Raises what is known of the first `shards` shards of `levels` to what any part knows of them, from the
  /// one call to the other.
  void start_magnitudes(std::span<ShardMagnitudes* const> levels, Index shards);
  void finish_magnitudes();
  /// Replaces each of some values by the largest of a part, from the one call to the other.
  void start_maximum(std::span<const std::int64_t> values) { maximum_.start(values); }
  void finish_maximum(std::span<std::int64_t> values);

  /// Bytes that the other parts have sent to this one.
  struct Traffic {
    std::int64_t halo = 0;     ///< activations, and gradients at them
    std::int64_t weights = 0;  ///< that a step changed
  };
  /// Independent. Since the last call.
  [[nodiscard]] Traffic take_traffic();
  /// Independent. Seconds spent waiting for other parts since the last call.
  [[nodiscard]] double take_seconds_waited() { return std::exchange(seconds_waited_, 0.0); }

 private:
  void count_traffic();
  template <class Wait>
  void timed(Wait&& wait);

  Parts& parts_;
  LevelCuts cuts_;
  std::vector<SlicedLayer*> slices_;
  std::vector<RowRange> inputs_read_;
  std::vector<bool> weights_sent_;
  std::vector<std::unique_ptr<Halo>> activation_halos_;
  std::vector<std::unique_ptr<Halo>> gradient_halos_;
  BackgroundMaximum maximum_;
  BackgroundMaximum largest_;                 ///< of the magnitudes
  std::vector<ShardMagnitudes*> magnitudes_;  ///< on their way
  Index magnitude_shards_ = 0;
  std::vector<std::int64_t> sent_magnitudes_;
  Traffic traffic_;
  double seconds_waited_ = 0;
};

}  // namespace plexus
