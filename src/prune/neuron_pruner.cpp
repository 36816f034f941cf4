#include "src/prune/neuron_pruner.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <queue>
#include <utility>

#include "src/sparse/transposed_index.hpp"
#include "src/support/error.hpp"
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

/// Removes neurons without incoming or without outgoing connections, and those that lose theirs thereby.
class Cascade {
 public:
  Cascade(std::span<const LayerView> layers, std::vector<HiddenLayer>& hidden)
      : layers_(layers),
        hidden_(hidden),
        inputs_(hidden.size()),
        outputs_(hidden.size()),
        columns_(layers.size()) {
    for (std::size_t h = 0; h < hidden.size(); ++h) {
      inputs_[h].assign(hidden[h].alive.size(), 0);
      outputs_[h].assign(hidden[h].alive.size(), 0);
    }
    for (std::size_t l = 0; l < layers.size(); ++l) count_connections(l);
  }

  void run() {
    for (std::size_t h = 0; h < hidden_.size(); ++h) {
      for (std::size_t i = 0; i < hidden_[h].alive.size(); ++i) {
        if (inputs_[h][i] == 0 || outputs_[h][i] == 0) waiting_.push({h, static_cast<Index>(i)});
      }
    }
    for (; !waiting_.empty(); waiting_.pop()) {
      const auto [h, neuron] = waiting_.front();
      if (hidden_[h].alive[neuron] == 0 || !hidden_[h].may_shrink()) continue;
      hidden_[h].remove(neuron);
      release_inputs(h, neuron);
      release_outputs(h, neuron);
    }
  }

 private:
  struct Neuron {
    std::size_t hidden;
    Index number;
  };

  [[nodiscard]] bool row_alive(std::size_t layer, Index row) const {
    return layer == hidden_.size() || hidden_[layer].alive[row] != 0;
  }
  [[nodiscard]] bool col_alive(std::size_t layer, Index col) const {
    return layer == 0 || hidden_[layer - 1].alive[col] != 0;
  }

  /// A dense layer connects its neurons as long as the layer on the other side has any, which its floor makes
  /// sure.
  void count_connections(std::size_t layer) {
    const LayerView& view = layers_[layer];
    if (view.topology == nullptr) {
      if (layer < hidden_.size()) std::fill(inputs_[layer].begin(), inputs_[layer].end(), view.cols);
      if (layer > 0) std::fill(outputs_[layer - 1].begin(), outputs_[layer - 1].end(), view.rows);
      return;
    }
    if (layer < hidden_.size()) std::fill(inputs_[layer].begin(), inputs_[layer].end(), 0);
    // A row belongs to one part alone, so parts do not add to the same element of `inputs_`.
    std::vector<Index> outputs = column_sums<Index>(
        view,
        [&](Index row, Index col, Offset) {
          const Index connects = row_alive(layer, row) && col_alive(layer, col) ? 1 : 0;
          if (layer < hidden_.size()) inputs_[layer][row] += connects;
          return connects;
        },
        [](Index& sum, Index term) { sum += term; });
    if (layer > 0) outputs_[layer - 1] = std::move(outputs);
  }

  void release_inputs(std::size_t h, Index neuron) {
    const Topology* topology = layers_[h].topology;
    if (topology == nullptr || h == 0) return;
    const Offset end = topology->row_ptrs[neuron + std::size_t{1}];
    for (Offset p = topology->row_ptrs[neuron]; p < end; ++p) {
      const Index source = topology->col_idxs[p];
      if (--outputs_[h - 1][source] == 0) waiting_.push({h - 1, source});
    }
  }

  void release_outputs(std::size_t h, Index neuron) {
    const Topology* topology = layers_[h + 1].topology;
    if (topology == nullptr || h + 1 == hidden_.size()) return;
    if (!columns_[h + 1]) columns_[h + 1] = transposed(*topology);
    const TransposedIndex& columns = *columns_[h + 1];
    const Offset end = columns.col_ptrs[neuron + std::size_t{1}];
    for (Offset p = columns.col_ptrs[neuron]; p < end; ++p) {
      const Index target = columns.row_idxs[p];
      if (--inputs_[h + 1][target] == 0) waiting_.push({h + 1, target});
    }
  }

  std::span<const LayerView> layers_;
  std::vector<HiddenLayer>& hidden_;
  std::vector<std::vector<Index>>
      inputs_;  // connections from neurons that are alive; meaningless for dead ones
  std::vector<std::vector<Index>> outputs_;  // the same, to neurons that are alive
  std::vector<std::optional<TransposedIndex>> columns_;
  std::queue<Neuron> waiting_;
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

RemovedNeurons NeuronPruner::removed(std::span<const LayerView> layers, std::int64_t epoch) const {
  if (!acts_at(epoch) || layers.size() < 2) return {};

  std::vector<HiddenLayer> hidden(layers.size() - 1);
  for (std::size_t h = 0; h < hidden.size(); ++h) {
    HiddenLayer& layer = hidden[h];
    layer.alive.assign(static_cast<std::size_t>(layers[h].rows), 1);
    layer.alive_count = layers[h].rows;
    layer.floor = std::max(classes_, static_cast<Index>(ceil_share(config_.floor, layers[h].original_rows)));
    if (!schedule_.prunes_at(epoch) || !layer.may_shrink()) continue;
    const double to_stay = schedule_.alive_share_at(epoch) * static_cast<double>(layers[h].original_rows);
    const Index stay = std::max(layer.floor, static_cast<Index>(std::lround(to_stay)));
    const Index count = std::max(Index{0}, layer.alive_count - stay);
    const std::vector<NeuronStrength> strengths = neuron_strengths(layers[h], layers[h + 1]);
    for (const Index neuron : least_important(strengths, *criterion_, count)) layer.remove(neuron);
  }
  if (epoch >= schedule_.last) Cascade(layers, hidden).run();

  RemovedNeurons removed(hidden.size());
  for (std::size_t h = 0; h < hidden.size(); ++h) {
    for (Index i = 0; i < layers[h].rows; ++i) {
      if (hidden[h].alive[i] == 0) removed[h].push_back(i);
    }
  }
  return removed;
}

std::vector<NeuronStrength> neuron_strengths(const LayerView& before, const LayerView& after) {
  ensure(before.rows == after.cols, "layers of {} and {} neurons do not fit together", before.rows,
         after.cols);
  std::vector<NeuronStrength> strengths(static_cast<std::size_t>(before.rows));
  const std::vector<Index> cuts = row_cuts(before);
  for_each_part(static_cast<int>(cuts.size()) - 1, [&](int part) {
    for_each_connection(before, cuts[part], cuts[part + 1], [&](Index row, Index, Offset p) {
      add(strengths[row].in, in_units(before.values[p]));
    });
  });
  const auto out = column_sums<std::int64_t>(
      after, [&](Index, Index, Offset p) { return in_units(after.values[p]); }, add);
  for (std::size_t i = 0; i < strengths.size(); ++i) strengths[i].out = out[i];
  return strengths;
}

}  // namespace plexus
