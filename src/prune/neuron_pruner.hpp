#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/prune/neuron_criterion.hpp"
#include "src/rewire/layer_view.hpp"
#include "src/support/function_ref.hpp"
#include "src/support/layer_parts.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// When neurons are pruned, and how many each time. Epochs are counted as completed: 1 is the first.
struct PruneSchedule {
  std::int64_t first = 1;  ///< epoch of the first pruning
  std::int64_t last = 1;   ///< no pruning after it, except of neurons without connections
  std::int64_t every = 1;
  double share = 0;  ///< of the neurons alive, removed each time

  [[nodiscard]] bool prunes_at(std::int64_t epoch) const {
    return epoch >= first && epoch <= last && (epoch - first) % every == 0;
  }

  /// Share of a layer's first neurons that are to be alive after the pruning of an epoch >= first.
  [[nodiscard]] double alive_share_at(std::int64_t epoch) const;
};

/// first = ceil(start epochs) and last = ceil(end epochs), but never before epoch 1 nor after the last
/// rewiring; with K = floor((last - first) / every) + 1 prunings, share = 1 - (1 - target)^(1/K).
[[nodiscard]] PruneSchedule prune_schedule(const NeuronPruningConfig& config, std::int64_t epochs);

/// Gives a layer with its values: asked for one layer after the other, each once. What it gave is read until
/// the layer two further on is asked for.
using WeighedLayer = FunctionRef<LayerView(std::size_t layer)>;

/// Chooses the hidden neurons to remove at the end of an epoch. Input and output neurons always stay.
///
/// At the k-th pruning, each hidden layer loses its least important neurons until round((1 - share)^k *
/// original size) are left, or its floor; equal ones go in the order of their numbers. Counting from the
/// original size carries the rounding over, so that small layers meet the target too. From the last pruning
/// on, neurons without incoming or without outgoing connections go too, until none is left, as long as the
/// layer stays at its floor: max(classes, ceil(config.floor * original size)). They go in rounds: those of a
/// round have lost their last connection in the round before, and go in the order in which they lost it. A
/// pure function: every rank comes to the same neurons.
///
/// After Liu, Mocanu, Pechenizkiy 2019, arXiv:1906.11626 (SET with neuron pruning, about half of the hidden
/// neurons removed). The paper's criterion and schedule are not public; those here are this project's own.
class NeuronPruner {
 public:
  /// @param epochs  of the whole training.
  /// @param classes neurons of the output layer.
  /// @throws InputError if config.criterion does not exist.
  NeuronPruner(const NeuronPruningConfig& config, std::int64_t epochs, Index classes);

  /// False in an epoch at whose end no neuron can be removed: `removed` need not be called then.
  [[nodiscard]] bool acts_at(std::int64_t epoch) const;
  /// Whether `removed` looks at values in this epoch, and not only at patterns.
  [[nodiscard]] bool weighs_at(std::int64_t epoch) const;

  /// Where parts hold the layers between them, all get the neurons of the whole layers, which are those that
  /// one part alone chooses. Collective over `parts`. Time O(own connections + neurons), dense layers by
  /// their cells; parts add up some numbers for each neuron, and tell each other which connections a cascade
  /// breaks.
  /// @param patterns first to last; their values are not looked at.
  /// @param weighed  asked only in an epoch of which `weighs_at` is true, and then on all parts alike.
  /// @param epoch    completed just now, 1 or more.
  /// @param most_indexed  connections that are stored column by column at a time, 8 bytes each; more only
  /// where a single layer has more
  [[nodiscard]] RemovedNeurons removed(std::span<const LayerView> patterns, WeighedLayer weighed,
                                       std::int64_t epoch, LayerParts& parts = one_part(),
                                       Offset most_indexed = Offset{1} << 24) const;
  /// The same where all values are at hand.
  [[nodiscard]] RemovedNeurons removed(std::span<const LayerView> layers, std::int64_t epoch,
                                       LayerParts& parts = one_part(),
                                       Offset most_indexed = Offset{1} << 24) const {
    return removed(
        layers, [&](std::size_t l) { return layers[l]; }, epoch, parts, most_indexed);
  }

 private:
  NeuronPruningConfig config_;
  PruneSchedule schedule_;
  Index classes_;
  std::unique_ptr<const NeuronCriterion> criterion_;
};

/// Strengths of all neurons between two layers: `before` feeds them, `after` is fed by them. Collective over
/// `parts`, which hold the other rows of both.
[[nodiscard]] std::vector<NeuronStrength> neuron_strengths(const LayerView& before, const LayerView& after,
                                                           LayerParts& parts = one_part());

}  // namespace plexus
