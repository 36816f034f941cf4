#include "src/plan/measured_kernel_speed.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "src/nn/batch.hpp"
#include "src/nn/dense_layer.hpp"
#include "src/nn/first_layers.hpp"
#include "src/nn/network.hpp"
#include "src/nn/probe_layers.hpp"
#include "src/optim/optimizer.hpp"

namespace plexus {

namespace {

constexpr auto nothing = [](Index, RowRange) {};

// As in many networks, 40 connections a neuron; layers of so many that a turn takes milliseconds.
constexpr double connections_per_neuron = 40;
constexpr Index most_neurons = 10000;
/// As a batch has more than one; of very wide layers one is large enough.
constexpr Index slabs_of_narrow = 4;
constexpr Index classes = 10;
constexpr std::array<Index, 4> narrow_widths = {256, 1024, 4096, 16384};
constexpr std::array<Index, 3> wide_widths = {65536, 262144, 1048576};

/// Least nanoseconds that `work` takes, after a turn that warms up.
template <class F>
double least_nanoseconds(F&& work) {
  using Clock = std::chrono::steady_clock;
  constexpr int least_turns = 5;
  constexpr auto enough = std::chrono::milliseconds(16);
  work();
  const auto begin = Clock::now();
  double least = std::numeric_limits<double>::infinity();
  for (int turn = 0; turn < least_turns || Clock::now() - begin < enough; ++turn) {
    const auto start = Clock::now();
    work();
    least = std::min(least, std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  return least;
}

/// A step that changes no weight.
class NoStep {
 public:
  NoStep() : optimizer_(OptimizerRegistry::instance().make("sgd", "optimizer.name", OptimizerConfig{})) {}
  [[nodiscard]] OptimizerStep operator()() const { return {*optimizer_, 0.0}; }

 private:
  std::unique_ptr<Optimizer> optimizer_;
};

/// Takes steps with one gradient for all connections, which stays in the cache.
double step_nanoseconds(SparseLayer& layer, const OptimizerStep& step) {
  const auto zeros = [](Offset, Offset count, std::int64_t* scratch) {
    std::fill_n(scratch, count, 0);
    return static_cast<const std::int64_t*>(scratch);
  };
  const double ns = least_nanoseconds([&] { layer.update(step, 0, layer.connections(), zeros, 1.0); });
  return ns / static_cast<double>(layer.connections());
}

/// Layers whose forward, or backward, pass reads the values of `neurons` neurons at random.
class Widths {
 public:
  void measure(Index neurons, KernelSpeed& speed) {
    const Index others = std::min(neurons, most_neurons);
    const double density = std::min(1.0, connections_per_neuron / neurons);
    SparseLayer reads_inputs = probe_layer(others, neurons, density);
    SparseLayer reads_outputs = probe_layer(neurons, others, density);
    const Index most_lines = slab_lines_for(neurons);
    const Index slabs = most_lines == slab_lines ? slabs_of_narrow : 1;
    if (most_lines == slab_lines) passes(reads_inputs, reads_outputs, {slabs, slab_lines}, speed.full);
    passes(reads_inputs, reads_outputs, {slabs, shard_lines}, speed.half);
    if (neurons <= most_neurons) add_step(reads_outputs, speed);
  }

  /// More connections than caches hold.
  void measure_large_step(KernelSpeed& speed) {
    SparseLayer layer = probe_layer(65536, 65536, connections_per_neuron / 65536);
    add_step(layer, speed);
  }

 private:
  struct Cut {
    Index slabs;
    Index lines;  ///< of a slab
  };

  void passes(SparseLayer& reads_inputs, SparseLayer& reads_outputs, Cut cut, SlabSpeed& speed) {
    const auto point = [&](double ns, const Layer& layer, Index neurons) {
      const double passed = static_cast<double>(layer.connections()) * cut.slabs * cut.lines;
      return CurvePoint{static_cast<double>(neurons), ns / passed};
    };
    const auto ones = [&](Index neurons) { return slabs_of_ones(cut.slabs * cut.lines, neurons, cut.lines); };
    Slabs result;
    {
      const Slabs x = ones(reads_inputs.cols());
      const double ns = least_nanoseconds([&] { reads_inputs.forward(x, result, nothing); });
      speed.forward.push_back(point(ns, reads_inputs, reads_inputs.cols()));
    }
    const Slabs x = ones(reads_outputs.cols());
    const Slabs delta = ones(reads_outputs.rows());
    gradient_.resize(static_cast<std::size_t>(reads_outputs.parameters()));
    const ExactGradient use{1, gradient_.data(), nullptr};
    const double backward =
        least_nanoseconds([&] { reads_outputs.backward(x, delta, &result, use, nothing); });
    const double first = least_nanoseconds([&] { reads_outputs.backward(x, delta, nullptr, use, nothing); });
    speed.backward.push_back(point(backward, reads_outputs, reads_outputs.rows()));
    speed.first.push_back(point(first, reads_outputs, reads_outputs.rows()));
  }

  void add_step(SparseLayer& layer, KernelSpeed& speed) {
    const auto connections = static_cast<double>(layer.connections());
    speed.step.push_back({connections, step_nanoseconds(layer, no_step_())});
  }

  const NoStep no_step_;
  std::vector<std::int64_t> gradient_;
};

Dataset blank_samples(Offset samples, Index features) {
  Dataset data;
  data.features_per_sample = features;
  data.classes = classes;
  data.features.assign(static_cast<std::size_t>(samples) * static_cast<std::size_t>(features), 0.5F);
  data.labels.assign(static_cast<std::size_t>(samples), 0);
  return data;
}

/// Nanoseconds per hidden neuron and line of forward and backward pass where each neuron has one connection;
/// and per class and line of the loss.
struct NeuronTimes {
  double neuron;
  double loss;
};

NeuronTimes neuron_times(Index neurons, double dropout) {
  constexpr double hidden_layers = 3;
  ExperimentConfig config;
  config.network.layers = {neurons, neurons, neurons, neurons, classes};
  config.network.dropout = dropout;
  config.topology.density = 1.0 / neurons;
  Network network(config.network, first_layers(config));
  const Index lines = network.lines_per_slab();
  std::vector<std::int64_t> ids(static_cast<std::size_t>(lines) * line_samples);
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  Batch batch;
  batch.gather(blank_samples(static_cast<Offset>(ids.size()), neurons), ids, lines);
  const NoStep no_step;
  const OptimizerStep step = no_step();
  const auto forward = [&] { network.forward(batch, Network::DropoutKey{1, 0}); };
  forward();
  const double loss = least_nanoseconds([&] { network.loss_and_delta(batch, 1.0); });
  const double passes = least_nanoseconds([&] {
    forward();
    for (std::size_t l = network.depth(); l-- > 0;)
      network.backward(l, batch, ExactGradient{1, nullptr, &step}, [] {});
  });
  return {passes / (hidden_layers * neurons * lines), loss / (classes * lines)};
}

double gather_nanoseconds() {
  constexpr Offset samples = 8192;
  constexpr Index features = 784;
  constexpr std::int64_t batch_samples = 128;
  const Dataset data = blank_samples(samples, features);
  std::vector<std::int64_t> ids(batch_samples);
  std::int64_t next = 0;
  Batch batch;
  const double ns = least_nanoseconds([&] {
    for (std::int64_t& id : ids) id = next = (next + 2741) % samples;  // all over the data set
    batch.gather(data, ids);
  });
  return ns / (static_cast<double>(features) * lines_of(batch_samples));
}

void measure_dense(KernelSpeed& speed) {
  constexpr Index neurons = 512;
  ExperimentConfig config;
  config.network.layers = {neurons, neurons};
  config.topology.density = 1.0;
  const auto layer = make_layer(std::move(first_layers(config).front()));
  const Slabs x = slabs_of_ones(slab_lines, neurons);
  Slabs z;
  Slabs dx;
  const NoStep no_step;
  const OptimizerStep step = no_step();
  const double cells = static_cast<double>(layer->connections()) * slab_lines;
  speed.dense_forward = least_nanoseconds([&] { layer->forward(x, z, nothing); }) / cells;
  speed.dense_backward = least_nanoseconds([&] {
                           layer->backward(x, x, &dx, ExactGradient{1, nullptr, &step}, nothing);
                         }) /
                         cells;
}

KernelSpeed measured_once(Effort effort) {
  KernelSpeed speed;
  Widths widths;
  const bool full = effort == Effort::full;
  for (const Index neurons : narrow_widths) {
    if (full || neurons <= most_neurons) widths.measure(neurons, speed);
  }
  if (full) {
    for (const Index neurons : wide_widths) widths.measure(neurons, speed);
    widths.measure_large_step(speed);
  }
  for (const Index neurons : {narrow_widths[1], wide_widths[0]}) {
    if (!full && neurons > most_neurons) continue;
    const NeuronTimes times = neuron_times(neurons, 0);
    speed.neuron.push_back({static_cast<double>(neurons), times.neuron});
    speed.loss = times.loss;
  }
  speed.dropout = std::max(0.0, neuron_times(narrow_widths[1], 0.5).neuron - speed.neuron.front().value);
  speed.gather = gather_nanoseconds();
  measure_dense(speed);
  return speed;
}

}  // namespace

KernelSpeed measured_kernel_speed(Effort effort) {
  const KernelSpeed first = measured_once(effort);
  if (effort == Effort::quick) return first;
  // Once more, so that what disturbs for a second does not count.
  return combined(first, measured_once(effort), [](double a, double b) { return std::min(a, b); });
}

}  // namespace plexus
