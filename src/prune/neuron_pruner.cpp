#include "src/prune/neuron_pruner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "src/sparse/transposed_index.hpp"
#include "src/support/error.hpp"
#include "src/support/heap.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

constexpr double units_per_one = 0x1.0p40;
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

/// |w| in strength units, rounded down. What is too large, or not a number, counts as the most there is.
std::int64_t in_units(Real w) {
  const double units = std::abs(static_cast<double>(w)) * units_per_one;
  return units < 0x1.0p63 ? static_cast<std::int64_t>(units) : most;
}

/// Both terms are not negative, so the result does not depend on the order of many such additions.
void add(std::int64_t& sum, std::int64_t term) { sum = term > most - sum ? most : sum + term; }

/// Adds up what the parts have, as `add` does. The parts hold sums that `add` made.
void add_up(std::span<std::int64_t> sums, LayerParts& parts) {
  if (parts.count() == 1) return;
  std::array greatest = {sums.empty() ? 0 : *std::max_element(sums.begin(), sums.end())};
  parts.maximum(greatest);
  if (greatest[0] <= most / parts.count()) {
    parts.sum(sums);
    return;
  }
  // Too large for a sum of integers, unless the upper and the lower halves are added up apart.
  constexpr std::int64_t half = std::int64_t{1} << 32;
  std::vector<std::int64_t> lower(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    lower[i] = sums[i] % half;
    sums[i] /= half;
  }
  parts.sum(lower);
  parts.sum(sums);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::int64_t upper = sums[i] + lower[i] / half;
    sums[i] = upper > most / half ? most : upper * half + lower[i] % half;
  }
}

/// ceil(share * total) of a share given in decimals: 0.07 * 100 must not become 8.
std::int64_t ceil_share(double share, std::int64_t total) {
  constexpr double slack = 1e-9;
  return static_cast<std::int64_t>(std::ceil(share * static_cast<double>(total) - slack));
}

/// Calls visit(row, col, position) for every connection of the rows from `begin` to `end`.
template <class Visit>
void for_each_connection(const LayerView& layer, Index begin, Index end, Visit&& visit) {
  for (Index row = begin; row < end; ++row) {
    if (layer.topology == nullptr) {
      Offset p = static_cast<Offset>(row) * layer.cols;
      for (Index col = 0; col < layer.cols; ++col) visit(row, col, p++);
    } else {
      const Offset row_end = layer.topology->row_ptrs[row + std::size_t{1}];
      for (Offset p = layer.topology->row_ptrs[row]; p < row_end; ++p) {
        visit(row, layer.topology->col_idxs[p], p);
      }
    }
  }
}

/// Cuts the rows of a layer into parts, one for each thread that is worth it. Every part is given memory for
/// all columns, so there are no more than connections / columns.
std::vector<Index> row_cuts(const LayerView& layer) {
  const auto connections = static_cast<Offset>(layer.values.size());
  const int parts = parts_for(connections, std::max<Offset>(least_part, layer.cols));
  if (layer.topology != nullptr) return balanced_cuts(layer.topology->row_ptrs, parts);
  return even_cuts(layer.rows, parts);
}

/// Adds up a term of every connection over its column, in parallel.
/// @param of_connection  of_connection(row, col, position); it is called once for each connection
/// @param add            add(sum, term), the same in any order
template <class T, class OfConnection, class Add>
std::vector<T> column_sums(const LayerView& layer, OfConnection&& of_connection, Add&& add) {
  const std::vector<Index> cuts = row_cuts(layer);
  std::vector<std::vector<T>> sums(cuts.size() - 1);
  for_each_part(static_cast<int>(sums.size()), [&](int part) {
    std::vector<T>& own = sums[part];
    own.assign(static_cast<std::size_t>(layer.cols), T{0});
    for_each_connection(layer, cuts[part], cuts[part + 1],
                        [&](Index row, Index col, Offset p) { add(own[col], of_connection(row, col, p)); });
  });
  for (std::size_t part = 1; part < sums.size(); ++part) {
    for (Index col = 0; col < layer.cols; ++col) add(sums[0][col], sums[part][col]);
  }
  return std::move(sums[0]);
}

/// Which neurons of a hidden layer are alive. Hidden layer h stands between weight matrices h and h + 1.
struct HiddenLayer {
  std::vector<char> alive;
  Index alive_count = 0;
  Index floor = 0;  ///< alive_count never falls below

  [[nodiscard]] bool may_shrink() const { return alive_count > floor; }
  void remove(Index neuron) {
    alive[neuron] = 0;
    --alive_count;
  }
};

/// Removes neurons without incoming or without outgoing connections, and those that lose theirs thereby. They
/// go in rounds: first all that have none, layer by layer, then those that lost their last connection in the
/// round before, in the order in which they lost it.
class Cascade {
 public:
  Cascade(std::span<const LayerView> layers, std::vector<HiddenLayer>& hidden, LayerParts& parts,
          Offset most_indexed)
      : layers_(layers),
        hidden_(hidden),
        parts_(parts),
        most_indexed_(most_indexed),
        inputs_(hidden.size()),
        outputs_(hidden.size()),
        columns_(layers.size()) {
    for (std::size_t h = 0; h < hidden.size(); ++h) {
      const auto own = static_cast<std::size_t>(layers[h].rows);
      inputs_[h].assign(own, 0);
      outputs_[h].assign(own, 0);
      begins_.push_back(part_begins(parts, layers[h].rows));
    }
    for (std::size_t l = 0; l < layers.size(); ++l) count_connections(l);
  }

  void run() {
    for (std::vector<Neuron> waiting = of_all_parts(unconnected()); !waiting.empty();) {
      waiting = of_all_parts(release(remove(waiting)));
    }
  }

 private:
  struct Neuron {
    std::size_t hidden;
    Index number;  // of the whole layer

    static Neuron decoded(Offset code) {
      return {static_cast<std::size_t>(code >> 32), static_cast<Index>(code & 0xffffffff)};
    }
    [[nodiscard]] Offset code() const { return static_cast<Offset>(hidden) << 32 | number; }
  };

  /// A connection that a neuron of this part loses, or its last one.
  struct Loss {
    Offset order;   // of the neuron at the other end, among those removed in the same round
    Offset neuron;  // code
    auto operator<=>(const Loss&) const = default;
  };

  [[nodiscard]] bool row_alive(std::size_t layer, Index row) const {
    return layer == hidden_.size() || hidden_[layer].alive[layers_[layer].first_row + row] != 0;
  }
  [[nodiscard]] bool col_alive(std::size_t layer, Index col) const {
    return layer == 0 || hidden_[layer - 1].alive[col] != 0;
  }
  [[nodiscard]] bool is_own(Neuron neuron) const {
    const Index row = neuron.number - layers_[neuron.hidden].first_row;
    return row >= 0 && row < layers_[neuron.hidden].rows;
  }

  /// A dense layer connects its neurons as long as the layer on the other side has any, which its floor makes
  /// sure.
  void count_connections(std::size_t layer) {
    const LayerView& view = layers_[layer];
    if (view.topology == nullptr) {
      if (layer < hidden_.size()) std::fill(inputs_[layer].begin(), inputs_[layer].end(), view.cols);
      if (layer > 0) std::fill(outputs_[layer - 1].begin(), outputs_[layer - 1].end(), view.all_rows());
      return;
    }
    // A row belongs to one part alone, so parts do not add to the same element of `inputs_`.
    std::vector<std::int64_t> outputs = column_sums<std::int64_t>(
        view,
        [&](Index row, Index col, Offset) {
          const Index connects = row_alive(layer, row) && col_alive(layer, col) ? 1 : 0;
          if (layer < hidden_.size()) inputs_[layer][row] += connects;
          return connects;
        },
        [](std::int64_t& sum, std::int64_t term) { sum += term; });
    if (layer == 0) return;
    parts_.sum(outputs);
    const LayerView& before = layers_[layer - 1];
    for (Index i = 0; i < before.rows; ++i) {
      outputs_[layer - 1][i] = static_cast<Index>(outputs[before.first_row + i]);
    }
  }

  /// Own neurons without incoming or without outgoing connections.
  [[nodiscard]] std::vector<Loss> unconnected() const {
    std::vector<Loss> found;
    for (std::size_t h = 0; h < hidden_.size(); ++h) {
      for (Index i = 0; i < layers_[h].rows; ++i) {
        if (inputs_[h][i] != 0 && outputs_[h][i] != 0) continue;
        found.push_back({0, Neuron{h, layers_[h].first_row + i}.code()});
      }
    }
    return found;
  }

  /// The neurons that lose their last connection on any part, in the order in which they do.
  [[nodiscard]] std::vector<Neuron> of_all_parts(std::vector<Loss> last_ones) const {
    std::vector<std::vector<Loss>> to_parts(static_cast<std::size_t>(parts_.count() - 1), last_ones);
    to_parts.push_back(std::move(last_ones));
    std::vector<Neuron> neurons;
    for (const Loss& loss : exchanged(std::move(to_parts))) neurons.push_back(Neuron::decoded(loss.neuron));
    return neurons;
  }

  /// Sends to_parts[p] to part p. @return what this part gets from all, in order
  [[nodiscard]] std::vector<Loss> exchanged(std::vector<std::vector<Loss>> to_parts) const {
    std::vector<Loss> losses;
    if (parts_.count() == 1) {
      losses = std::move(to_parts[0]);
    } else {
      std::vector<std::vector<Offset>> numbers(to_parts.size());
      for (std::size_t part = 0; part < to_parts.size(); ++part) {
        numbers[part].reserve(2 * to_parts[part].size());
        for (const Loss& loss : to_parts[part]) {
          numbers[part].push_back(loss.order);
          numbers[part].push_back(loss.neuron);
        }
        give_back(to_parts[part]);
      }
      for (const auto& of_part : parts_.exchange(std::move(numbers))) {
        for (std::size_t i = 0; i < of_part.size(); i += 2) losses.push_back({of_part[i], of_part[i + 1]});
      }
    }
    std::sort(losses.begin(), losses.end());
    return losses;
  }

  /// Removes those of the neurons that are alive, as long as the floors of their layers allow it.
  [[nodiscard]] std::vector<Neuron> remove(const std::vector<Neuron>& waiting) {
    std::vector<Neuron> removed;
    for (const Neuron& neuron : waiting) {
      HiddenLayer& layer = hidden_[neuron.hidden];
      if (layer.alive[neuron.number] == 0 || !layer.may_shrink()) continue;
      layer.remove(neuron.number);
      removed.push_back(neuron);
    }
    return removed;
  }

  /// Takes the connections of removed neurons from the others. @return own neurons that lose their last one
  [[nodiscard]] std::vector<Loss> release(const std::vector<Neuron>& removed) {
    std::vector<Loss> last_ones;
    const auto lose = [&](std::vector<std::vector<Index>>& counts, const Loss& loss) {
      const Neuron neuron = Neuron::decoded(loss.neuron);
      const Index row = neuron.number - layers_[neuron.hidden].first_row;
      if (--counts[neuron.hidden][row] == 0) last_ones.push_back(loss);
    };
    std::vector<std::vector<Loss>> outputs(static_cast<std::size_t>(parts_.count()));
    std::vector<std::vector<Offset>> orders(hidden_.size());
    for (std::size_t order = 0; order < removed.size(); ++order) {
      release_inputs(removed[order], static_cast<Offset>(order), outputs);
      orders[removed[order].hidden].push_back(static_cast<Offset>(order));
    }
    // Layer by layer: the inputs of a neuron are of one layer, so that it loses them in order.
    for (const auto& of_layer : orders) {
      for (const Offset order : of_layer) {
        release_outputs(removed[static_cast<std::size_t>(order)], order,
                        [&](const Loss& loss) { lose(inputs_, loss); });
      }
    }
    for (const Loss& loss : exchanged(std::move(outputs))) lose(outputs_, loss);
    return last_ones;
  }

  /// @param losses  of outgoing connections of neurons that are alive, by the part that has the neuron
  void release_inputs(Neuron removed, Offset order, std::vector<std::vector<Loss>>& losses) const {
    const LayerView& view = layers_[removed.hidden];
    if (view.topology == nullptr || removed.hidden == 0 || !is_own(removed)) return;
    const auto row = static_cast<std::size_t>(removed.number - view.first_row);
    for (Offset p = view.topology->row_ptrs[row]; p < view.topology->row_ptrs[row + 1]; ++p) {
      const Neuron source{removed.hidden - 1, view.topology->col_idxs[p]};
      if (!col_alive(removed.hidden, source.number)) continue;
      losses[part_of(source.number, begins_[source.hidden])].push_back({order, source.code()});
    }
  }

  /// @param lose  lose(loss) of each incoming connection that an own neuron loses
  template <class Lose>
  void release_outputs(Neuron removed, Offset order, Lose&& lose) {
    const std::size_t h = removed.hidden + 1;
    const LayerView& view = layers_[h];
    if (view.topology == nullptr || h == hidden_.size()) return;
    const TransposedIndex& columns = columns_of(h);
    const Offset end = columns.col_ptrs[removed.number + std::size_t{1}];
    for (Offset p = columns.col_ptrs[removed.number]; p < end; ++p) {
      lose(Loss{order, Neuron{h, view.first_row + columns.row_idxs[p]}.code()});
    }
  }

  const TransposedIndex& columns_of(std::size_t layer) {
    std::optional<TransposedIndex>& columns = columns_[layer];
    if (columns) return *columns;
    const Topology& topology = *layers_[layer].topology;
    indexed_ += topology.connections();
    if (indexed_ > most_indexed_) {
      for (auto& other : columns_) other.reset();
      indexed_ = topology.connections();
    }
    return columns.emplace(transposed(topology));
  }

  std::span<const LayerView> layers_;
  std::vector<HiddenLayer>& hidden_;
  LayerParts& parts_;
  Offset most_indexed_;
  Offset indexed_ = 0;                       // connections in `columns_`
  std::vector<std::vector<Offset>> begins_;  // of the parts' neurons, by hidden layer
  // Connections of own neurons from neurons that are alive; meaningless for dead ones.
  std::vector<std::vector<Index>> inputs_;
  std::vector<std::vector<Index>> outputs_;  // the same, to neurons that are alive
  std::vector<std::optional<TransposedIndex>> columns_;
};

/// The `count` least important neurons; equal ones in the order of their numbers.
std::vector<Index> least_important(const std::vector<NeuronStrength>& strengths,
                                   const NeuronCriterion& criterion, Index count) {
  struct Ranked {
    Importance importance;
    Index neuron;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(strengths.size());
  for (std::size_t i = 0; i < strengths.size(); ++i) {
    ranked.push_back({criterion.importance(strengths[i]), static_cast<Index>(i)});
  }
  std::nth_element(ranked.begin(), ranked.begin() + count, ranked.end(),
                   [](const Ranked& a, const Ranked& b) {
                     return a.importance != b.importance ? a.importance < b.importance : a.neuron < b.neuron;
                   });
  std::vector<Index> neurons;
  for (Index i = 0; i < count; ++i) neurons.push_back(ranked[i].neuron);
  return neurons;
}

}  // namespace

PruneSchedule prune_schedule(const NeuronPruningConfig& config, std::int64_t epochs) {
  PruneSchedule schedule;
  const std::int64_t last_rewiring = std::max<std::int64_t>(1, epochs - 1);
  schedule.first = std::clamp<std::int64_t>(ceil_share(config.start, epochs), 1, last_rewiring);
  schedule.last = std::clamp(ceil_share(config.end, epochs), schedule.first, last_rewiring);
  schedule.every = config.every;
  ensure(config.every >= 1 && config.target >= 0 && config.target < 1,
         "neuron pruning of a share {} every {} epochs", config.target, config.every);
  const std::int64_t prunings = (schedule.last - schedule.first) / schedule.every + 1;
  schedule.share = 1.0 - std::pow(1.0 - config.target, 1.0 / static_cast<double>(prunings));
  return schedule;
}

double PruneSchedule::alive_share_at(std::int64_t epoch) const {
  const std::int64_t prunings = (std::min(epoch, last) - first) / every + 1;
  return std::pow(1.0 - share, static_cast<double>(prunings));
}

NeuronPruner::NeuronPruner(const NeuronPruningConfig& config, std::int64_t epochs, Index classes)
    : config_(config),
      schedule_(prune_schedule(config, epochs)),
      classes_(classes),
      criterion_(NeuronCriterionRegistry::instance().make(config.criterion, "neuron_pruning.criterion")) {}

bool NeuronPruner::acts_at(std::int64_t epoch) const {
  return config_.target > 0 && (schedule_.prunes_at(epoch) || epoch >= schedule_.last);
}

bool NeuronPruner::weighs_at(std::int64_t epoch) const {
  return config_.target > 0 && schedule_.prunes_at(epoch);
}

RemovedNeurons NeuronPruner::removed(std::span<const LayerView> patterns, WeighedLayer weighed,
                                     std::int64_t epoch, LayerParts& parts, Offset most_indexed) const {
  if (!acts_at(epoch) || patterns.size() < 2) return {};

  std::vector<HiddenLayer> hidden(patterns.size() - 1);
  for (std::size_t h = 0; h < hidden.size(); ++h) {
    hidden[h].alive.assign(static_cast<std::size_t>(patterns[h].all_rows()), 1);
    hidden[h].alive_count = patterns[h].all_rows();
    hidden[h].floor =
        std::max(classes_, static_cast<Index>(ceil_share(config_.floor, patterns[h].original_rows)));
  }
  if (weighs_at(epoch)) {
    LayerView before = weighed(0);
    for (std::size_t h = 0; h < hidden.size(); ++h) {
      const LayerView after = weighed(h + 1);
      HiddenLayer& layer = hidden[h];
      const double to_stay = schedule_.alive_share_at(epoch) * static_cast<double>(before.original_rows);
      const Index stay = std::max(layer.floor, static_cast<Index>(std::lround(to_stay)));
      if (layer.alive_count > stay) {
        const std::vector<NeuronStrength> strengths = neuron_strengths(before, after, parts);
        for (const Index neuron : least_important(strengths, *criterion_, layer.alive_count - stay))
          layer.remove(neuron);
      }
      before = after;
    }
  }
  if (epoch >= schedule_.last) Cascade(patterns, hidden, parts, most_indexed).run();

  RemovedNeurons removed(hidden.size());
  for (std::size_t h = 0; h < hidden.size(); ++h) {
    for (Index i = 0; i < patterns[h].all_rows(); ++i) {
      if (hidden[h].alive[i] == 0) removed[h].push_back(i);
    }
  }
  return removed;
}

std::vector<NeuronStrength> neuron_strengths(const LayerView& before, const LayerView& after,
                                             LayerParts& parts) {
  ensure(before.all_rows() == after.cols, "layers of {} and {} neurons do not fit together",
         before.all_rows(), after.cols);
  std::vector<std::int64_t> in(static_cast<std::size_t>(before.all_rows()), 0);
  const std::vector<Index> cuts = row_cuts(before);
  for_each_part(static_cast<int>(cuts.size()) - 1, [&](int part) {
    for_each_connection(before, cuts[part], cuts[part + 1], [&](Index row, Index, Offset p) {
      add(in[before.first_row + row], in_units(before.values[p]));
    });
  });
  auto out = column_sums<std::int64_t>(
      after, [&](Index, Index, Offset p) { return in_units(after.values[p]); }, add);
  add_up(in, parts);
  add_up(out, parts);
  std::vector<NeuronStrength> strengths(in.size());
  for (std::size_t i = 0; i < strengths.size(); ++i) strengths[i] = {in[i], out[i]};
  return strengths;
}

}  // namespace plexus
