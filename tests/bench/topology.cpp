// What do random patterns, rewiring and neuron pruning cost?
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/init/weight_init.hpp"
#include "src/nn/layer.hpp"
#include "src/prune/neuron_pruner.hpp"
#include "src/rewire/evolve.hpp"
#include "tests/bench/layer_step.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/parts.hpp"

namespace plexus::bench {

namespace {

constexpr double density = 0.01;

/// Neurons of a square layer of about so many connections.
Index width_of(double connections) {
  return static_cast<Index>(std::lround(std::sqrt(connections / density)));
}

/// Calls row(connections, threads) for all sizes.
template <class Row>
Json rows_of(const Bench& bench, Row&& row) {
  Json rows;
  for (const int threads : thread_counts()) {
    for (double connections = 1e5; connections <= (bench.quick ? 1e5 : 1e7); connections *= 10) {
      rows[fmt::format("{:.0e} connections, {}", connections, counted(threads, "thread"))] =
          row(connections, threads);
    }
  }
  return rows;
}

/// Three square layers on top of each other, and what rewires them as the trainer does after an epoch.
class RewiredNetwork {
 public:
  explicit RewiredNetwork(double connections)
      : width_(width_of(connections / depth)),
        method_(RewireMethodRegistry::instance().make("set", "topology.method")),
        init_(WeightInitRegistry::instance().make(NetworkConfig{}.init, "network.init")),
        pruner_(pruning(), epochs, width_) {
    for (int l = 0; l < depth; ++l) first_.push_back(new_layer(width_, width_, density));
  }

  [[nodiscard]] double connections() const {
    double sum = 0;
    for (const LayerSnapshot& layer : first_) sum += static_cast<double>(layer.topology.connections());
    return sum;
  }

  /// Back to the first layers, rewired once, as they are between two steps: a first rewiring takes memory
  /// from the system that the others find at hand.
  void reset() {
    layers_.clear();
    for (const LayerSnapshot& layer : first_) layers_.push_back(make_layer(layer));
    apply(edits({}, 1));
    settle_all();
  }

  /// Does what the layers have put off until the next step.
  void settle_all() {
    for (const auto& layer : layers_) settle(*layer);
  }

  /// The neurons of the first pruning.
  [[nodiscard]] RemovedNeurons least_important() const {
    return pruner_.removed(views(), prune_schedule(pruning(), epochs).first);
  }

  [[nodiscard]] EditList edits(const RemovedNeurons& removed, std::uint64_t epoch = 2) const {
    return evolve(views(), removed,
                  {*method_, *init_, TopologyConfig{}.drop_fraction, Budget::fixed, 1, epoch});
  }

  void apply(const EditList& edits) {
    for (std::size_t l = 0; l < layers_.size(); ++l) layers_[l]->apply(edits[l]);
  }

 private:
  static constexpr int depth = 3;
  static constexpr std::int64_t epochs = 20;

  /// Half of the hidden neurons, bit by bit.
  static NeuronPruningConfig pruning() {
    NeuronPruningConfig config;
    config.target = 0.5;
    return config;
  }

  [[nodiscard]] std::vector<LayerView> views() const {
    std::vector<LayerView> views;
    for (const auto& layer : layers_) views.push_back(layer->view(true));
    return views;
  }

  Index width_;
  std::unique_ptr<const RewireMethod> method_;
  std::unique_ptr<const WeightInit> init_;
  NeuronPruner pruner_;
  std::vector<LayerSnapshot> first_;
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace

Json initialisation(const Bench& bench) {
  return rows_of(bench, [&](double connections, int threads) -> Json {
    const Index width = width_of(connections);
    const RandomStream places(1, Purpose::topology);
    const RandomStream weights(1, Purpose::weight);
    const auto init = WeightInitRegistry::instance().make(NetworkConfig{}.init, "network.init");
    const Topology topology = erdos_renyi(width, width, density, places);
    std::vector<Real> values;
    Topology made;
    const auto timings =
        measure(bench, {timed([&] { made = erdos_renyi(width, width, density, places); }, threads),
                        timed([&] { values = first_values(*init, weights, topology); }, threads)});
    const auto count = static_cast<double>(topology.connections());
    Json row = {{"connections", topology.connections()},
                {"neurons", width},
                {"threads", threads},
                {"pattern_ns", timings[0].nanoseconds_per(count)},
                {"values_ns", timings[1].nanoseconds_per(count)}};
    row.update(timings[0].conditions());
    return row;
  });
}

Json rewiring(const Bench& bench) {
  return rows_of(bench, [&](double connections, int threads) -> Json {
    RewiredNetwork network(connections);
    const auto choosing = [&] {
      network.reset();
      Stopwatch watch;
      static_cast<void>(network.edits({}));
      return watch.lap();
    };
    // What a rewiring leaves for the next step counts, but not the step.
    const auto rewiring = [&](bool with_pruning) {
      network.reset();
      Stopwatch watch;
      network.settle_all();
      const double usual_step = watch.lap();
      network.apply(network.edits(with_pruning ? network.least_important() : RemovedNeurons{}));
      network.settle_all();
      return watch.lap() - usual_step;
    };
    const auto timings =
        measure(bench, {Work{choosing, threads}, Work{[&] { return rewiring(false); }, threads},
                        Work{[&] { return rewiring(true); }, threads}});
    const double count = network.connections();  // a millisecond a million is a nanosecond each
    Json row = {{"connections", static_cast<Offset>(count)},
                {"threads", threads},
                {"choose_ms_per_million", timings[0].nanoseconds_per(count)},
                {"rewire_ms_per_million", timings[1].nanoseconds_per(count)},
                {"prune_ms_per_million", timings[2].nanoseconds_per(count)}};
    row.update(timings[1].conditions());
    return row;
  });
}

}  // namespace plexus::bench
