// How many bytes does a connection take, and a neuron?
#include <malloc.h>
#include <omp.h>

#include <algorithm>
#include <optional>
#include <string>

#include "mpi/trainer.hpp"
#include "src/sparse/slabs.hpp"
#include "tests/bench/layer_step.hpp"
#include "tests/bench/machine.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/parts.hpp"
#include "tests/bench/random_data.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus::bench {

namespace {

/// Samples of a step: few, as activations around the layer count too.
constexpr Offset samples = 16;

double resident() { return static_cast<double>(resident_bytes()); }

/// Bytes that the process has asked for and not given back: what its ranks use, whichever pages they got.
double allocated() {
  const auto heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd);
}

/// Bytes by which a layer makes the process grow: weights, momentum, indices, biases, ids.
struct LayerGrowth {
  double connections;
  double bytes;
};

LayerGrowth growth_of_layer(Index neurons, double density) {
  const double before = resident();
  const auto layer = make_layer(new_layer(neurons, neurons, density));
  return {static_cast<double>(layer->connections()), resident() - before};
}

/// Bytes a connection that a step on one rank adds, with the activations around the layer.
double growth_of_step(Index neurons, double density, Sums sums) {
  LayerStep step(new_layer(neurons, neurons, density), samples);
  const double before = resident();
  step.forward();
  step.backward(sums);
  return (resident() - before) / static_cast<double>(step.connections());
}

/// Notes the memory after each step.
class AllocatedAfterSteps final : public TrainerHook {
 public:
  void step_done(const TrainingPosition&, std::int64_t) override { after = std::max(after, allocated()); }
  void epoch_done(const EpochMetrics&) override {}
  double after = 0;
};

/// Bytes a connection that one of two ranks takes in all, while it trains a network whose hidden layers hold
/// nearly all connections. The ranks are threads of this process and take the same.
double bytes_of_exchanging_rank(Index neurons, double density, const std::string& exactness) {
  constexpr int ranks = 2;
  constexpr Index classes = 2;
  ExperimentConfig config;
  config.network.layers = {neurons, neurons, classes};
  config.topology.density = density;
  config.training.batch_size = 2 * shard_samples;
  config.training.epochs = 1;
  config.parallel.exactness = exactness;
  config.parallel.threads = 1;
  const DataSplit data{random_data(4 * shard_samples, neurons, classes, 0),
                       random_data(2 * shard_samples, neurons, classes, 1), "random", 0};
  double connections = 0;
  double bytes = 0;
  const double before = allocated();
  run_ranks(ranks, [&](DistributedContext& ctx) {
    AllocatedAfterSteps hook;
    Trainer trainer(ctx, {config, data, hook, nullptr, [] { return false; }, ""}, std::nullopt);
    ctx.barrier();
    trainer.run();
    if (ctx.rank() != 0) return;
    bytes = (hook.after - before) / ranks;
    for (const LayerSnapshot& layer : trainer.snapshot().layers)
      connections += static_cast<double>(layer.values.size());
  });
  return bytes / connections;
}

}  // namespace

Json memory(const Bench& bench) {
  omp_set_num_threads(1);
  const double connections = bench.quick ? 4e6 : 1e7;
  const auto few = static_cast<Index>(connections / 1000);
  const auto many = static_cast<Index>(connections);
  const LayerGrowth layer = growth_of_layer(few, 1000.0 / few);
  const LayerGrowth thin = growth_of_layer(many, 1.0 / many);
  const double per_connection = layer.bytes / layer.connections;
  Json rows;
  rows["bytes"] = {{"connections", static_cast<Offset>(layer.connections)},
                   {"bytes_per_connection", per_connection},
                   {"bytes_per_neuron", (thin.bytes - per_connection * thin.connections) / many},
                   {"exact_step_bytes", growth_of_step(few, 1000.0 / few, Sums::exact)},
                   {"fast_step_bytes", growth_of_step(few, 1000.0 / few, Sums::fast)},
                   {"exact_exchange_bytes", bytes_of_exchanging_rank(few, 1000.0 / few, "exact")},
                   {"fast_exchange_bytes", bytes_of_exchanging_rank(few, 1000.0 / few, "fast")}};
  return rows;
}

}  // namespace plexus::bench
