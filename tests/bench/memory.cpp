// How many bytes does a connection take, and a neuron?
#include <omp.h>

#include "tests/bench/layer_step.hpp"
#include "tests/bench/machine.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/parts.hpp"

namespace plexus::bench {

namespace {

/// Samples of a step: few, as activations around the layer count too.
constexpr Offset samples = 16;

double resident() { return static_cast<double>(resident_bytes()); }

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

/// Bytes a connection that training adds.
struct StepGrowth {
  double step;      ///< a step on one rank, with the activations around the layer
  double exchange;  ///< a gradient to be exchanged with other ranks
};

StepGrowth growth_of_step(Index neurons, double density, Sums sums) {
  LayerStep step(new_layer(neurons, neurons, density), samples);
  const auto count = static_cast<double>(step.connections());
  const double before = resident();
  step.forward();
  step.backward(sums);
  const double after_step = resident();
  step.gradient(sums);
  return {(after_step - before) / count, (resident() - after_step) / count};
}

}  // namespace

Json memory(const Bench& bench) {
  omp_set_num_threads(1);
  const double connections = bench.quick ? 4e6 : 1e7;
  const auto few = static_cast<Index>(connections / 1000);
  const auto many = static_cast<Index>(connections);
  const LayerGrowth layer = growth_of_layer(few, 1000.0 / few);
  const LayerGrowth thin = growth_of_layer(many, 1.0 / many);
  const StepGrowth exact = growth_of_step(few, 1000.0 / few, Sums::exact);
  const StepGrowth fast = growth_of_step(few, 1000.0 / few, Sums::fast);
  const double per_connection = layer.bytes / layer.connections;
  Json rows;
  rows["bytes"] = {{"connections", static_cast<Offset>(layer.connections)},
                   {"bytes_per_connection", per_connection},
                   {"bytes_per_neuron", (thin.bytes - per_connection * thin.connections) / many},
                   {"exact_step_bytes", exact.step},
                   {"fast_step_bytes", fast.step},
                   {"exact_exchange_bytes", exact.exchange},
                   {"fast_exchange_bytes", fast.exchange}};
  return rows;
}

}  // namespace plexus::bench
