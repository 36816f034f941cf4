#include "src/plan/measured_kernel_speed.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/nn/batch.hpp"
#include "src/nn/dense_layer.hpp"
#include "src/nn/first_layers.hpp"
#include "src/nn/network.hpp"
#include "src/nn/probe_layers.hpp"
#include "src/optim/optimizer.hpp"
#include "src/plan/grid_cost.hpp"
#include "src/sparse/transposed_index.hpp"
#include "src/support/median.hpp"

namespace plexus {

namespace {

constexpr auto nothing = [](Index, RowRange) {};

// As in many networks, 40 connections a neuron; layers of so many that a turn takes milliseconds.
constexpr double connections_per_neuron = 40;
constexpr Index most_neurons = 10000;
/// Of all slabs together, at least: in a step they pass through a core's own caches, and come from behind
/// them when they are read again.
constexpr Offset bytes_of_slabs = Offset{2} << 20;
constexpr Index classes = 10;
constexpr std::array<Index, 4> narrow_widths = {256, 1024, 4096, 16384};
/// Of hidden neurons: 256 KiB of values, 2 MiB and 8 MiB.
struct Level {
  Index neurons;
  Index lines;
};
constexpr std::array<Level, 3> levels = {{{1024, 4}, {1024, 32}, {65536, 2}}};
/// Networks whose steps are measured whole: about 1, 5 and 20 MB of connections and values.
struct Training {
  Index neurons;  ///< of each of three hidden layers
  Offset batch;
};
constexpr std::array<Training, 3> trainings = {{{200, 64}, {1000, 128}, {1000, 1024}}};
constexpr Offset most_of_quick = 128;
constexpr Index image_pixels = 784;
/// Samples of 784 features to take a batch from: more than caches hold, or nearly so.
constexpr Offset samples_of_many = 32768;
constexpr Offset samples_of_few = 8192;
constexpr std::array<Index, 3> wide_widths = {65536, 262144, 1048576};

/// Median of the nanoseconds that `work` takes, after a turn that warms up: least times are shorter than
/// those of a long training.
template <class F>
double typical_nanoseconds(F&& work) {
  using Clock = std::chrono::steady_clock;
  constexpr int least_turns = 5;
  constexpr auto enough = std::chrono::milliseconds(8);
  work();
  const auto begin = Clock::now();
  std::vector<double> times;
  for (int turn = 0; turn < least_turns || Clock::now() - begin < enough; ++turn) {
    const auto start = Clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  return median(std::move(times));
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
  const double ns = typical_nanoseconds([&] { layer.update(step, 0, layer.connections(), zeros, 1.0); });
  return ns / static_cast<double>(layer.connections());
}

/// What parts do with the weights of `neurons` neurons: pack them column by column, put them into their rows.
CurvePoint carry_point(Index neurons) {
  const Topology topology = erdos_renyi(neurons, neurons, std::min(1.0, connections_per_neuron / neurons),
                                        RandomStream(1, Purpose::topology));
  const std::vector<std::uint32_t> places = row_positions(topology, transposed(topology));
  const std::vector<Real> by_column(places.size(), Real{1});
  std::array<std::vector<Real>, 2> sent = {by_column, by_column};
  std::vector<Real> by_row(places.size());
  const std::array<Index, 2> bounds = {neurons / 2, neurons};
  const double ns = typical_nanoseconds([&] {
    std::array<std::size_t, 2> count = {0, 0};
    for (std::size_t column = 0; column < static_cast<std::size_t>(neurons); ++column) {
      auto p = static_cast<std::size_t>(topology.row_ptrs[column]);
      const auto end = static_cast<std::size_t>(topology.row_ptrs[column + 1]);
      for (std::size_t part = 0; part < bounds.size(); ++part) {
        while (p < end && topology.col_idxs[p] < bounds[part]) sent[part][count[part]++] = by_column[p++];
      }
    }
    for (std::size_t i = 0; i < places.size(); ++i) by_row[places[i]] = sent[0][i];
  });
  const auto connections = static_cast<double>(places.size());
  return {connections, ns / connections};
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
    const auto cut = [neurons](Index lines) {
      return Cut{static_cast<Index>(std::max<Offset>(1, bytes_of_slabs / slab_bytes(neurons, lines))), lines};
    };
    if (most_lines == slab_lines) passes(reads_inputs, reads_outputs, cut(slab_lines), speed.full);
    passes(reads_inputs, reads_outputs, cut(shard_lines), speed.half);
    if (most_lines == slab_lines) add_step(reads_outputs, speed);
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
      const double ns = typical_nanoseconds([&] { reads_inputs.forward(x, result, nothing); });
      speed.forward.push_back(point(ns, reads_inputs, reads_inputs.cols()));
    }
    const Slabs x = ones(reads_outputs.cols());
    const Slabs delta = ones(reads_outputs.rows());
    gradient_.resize(static_cast<std::size_t>(reads_outputs.parameters()));
    const ExactGradient use{1, gradient_.data(), nullptr};
    const double backward =
        typical_nanoseconds([&] { reads_outputs.backward(x, delta, &result, use, nothing); });
    const double first =
        typical_nanoseconds([&] { reads_outputs.backward(x, delta, nullptr, use, nothing); });
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

NeuronTimes neuron_times(Index neurons, Index lines, double dropout) {
  constexpr double hidden_layers = 3;
  ExperimentConfig config;
  config.network.layers = {neurons, neurons, neurons, neurons, classes};
  config.network.dropout = dropout;
  config.topology.density = 1.0 / neurons;
  Network network(config.network, first_layers(config));
  std::vector<std::int64_t> ids(static_cast<std::size_t>(lines) * line_samples);
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  Batch batch;
  network.gather(batch, blank_samples(static_cast<Offset>(ids.size()), neurons), ids);
  const NoStep no_step;
  const OptimizerStep step = no_step();
  const auto forward = [&] { network.forward(batch, Network::DropoutKey{1, 0}); };
  forward();
  const double loss = typical_nanoseconds([&] { network.loss_and_delta(batch, 1.0); });
  const double passes = typical_nanoseconds([&] {
    forward();
    for (std::size_t l = network.depth(); l-- > 0;)
      network.backward(l, batch, ExactGradient{1, nullptr, &step}, [] {});
  });
  return {passes / (hidden_layers * neurons * lines), loss / (classes * lines)};
}

double gather_nanoseconds(Offset samples) {
  constexpr Index features = image_pixels;
  constexpr std::int64_t batch_samples = 128;
  const Dataset data = blank_samples(samples, features);
  std::vector<std::int64_t> ids(batch_samples);
  std::int64_t next = 0;
  Batch batch;
  const double ns = typical_nanoseconds([&] {
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
  speed.dense_forward = typical_nanoseconds([&] { layer->forward(x, z, nothing); }) / cells;
  speed.dense_backward = typical_nanoseconds([&] {
                           layer->backward(x, x, &dx, ExactGradient{1, nullptr, &step}, nothing);
                         }) /
                         cells;
}

/// A whole step of a network as against what `speed` says of it.
CurvePoint whole_point(const Training& training, const KernelSpeed& speed) {
  ExperimentConfig config;
  config.network.layers = {image_pixels, training.neurons, training.neurons, training.neurons, classes};
  config.topology.epsilon = connections_per_neuron / 2;
  config.training.batch_size = training.batch;
  Network network(config.network, first_layers(config));
  const Dataset data = blank_samples(samples_of_few, image_pixels);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(training.batch));
  std::int64_t next = 0;
  Batch batch;
  const NoStep no_step;
  const OptimizerStep step = no_step();
  const double ns = typical_nanoseconds([&] {
    for (std::int64_t& id : ids) id = next = (next + 2741) % samples_of_few;
    network.gather(batch, data, ids);
    network.forward(batch, Network::DropoutKey{1, 0});
    network.loss_and_delta(batch, 1.0);
    for (std::size_t l = network.depth(); l-- > 0;)
      network.backward(l, batch, ExactGradient{1, nullptr, &step}, [] {});
  });
  const GridCost cost = cost_of(planned_run(config, 0), {1, 1}, speed, {});
  return {cost.memory.parameters + cost.memory.activations, std::max(1.0, 1e-9 * ns / cost.seconds_compute)};
}

}  // namespace

KernelSpeed measured_kernel_speed(Effort effort) {
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
  for (const Index neurons : {narrow_widths[0], narrow_widths[2], wide_widths[0]}) {
    if (full || neurons <= most_neurons) speed.carry.push_back(carry_point(neurons));
  }
  for (const Level level : levels) {
    if (!full && level.neurons > most_neurons) continue;
    const NeuronTimes times = neuron_times(level.neurons, level.lines, 0);
    speed.neuron.push_back({static_cast<double>(level.neurons) * level.lines, times.neuron});
    if (level.neurons <= most_neurons) speed.loss = times.loss;
  }
  const NeuronTimes dropped = neuron_times(levels[0].neurons, levels[0].lines, 0.5);
  speed.dropout = std::max(0.0, dropped.neuron - speed.neuron.front().value);
  speed.gather = gather_nanoseconds(full ? samples_of_many : samples_of_few);
  measure_dense(speed);
  Curve whole;
  for (const Training& training : trainings) {
    if (full || training.batch <= most_of_quick) whole.push_back(whole_point(training, speed));
  }
  speed.whole = std::move(whole);
  return speed;
}

}  // namespace plexus
