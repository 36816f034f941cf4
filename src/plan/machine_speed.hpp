#pragma once

#include <string>
#include <vector>

namespace plexus {

/// A figure that was measured at some sizes.
struct CurvePoint {
  double at;
  double value;
  bool operator==(const CurvePoint&) const = default;
};
using Curve = std::vector<CurvePoint>;  ///< `at` ascending

/// The figure at any size: straight lines over the logarithm of the size, constant beyond both ends.
/// @param curve  at least one point
[[nodiscard]] double value_at(const Curve& curve, double at);

/// Nanoseconds per connection and line of 16 samples, by the neurons whose values are read at random: those
/// of the layer before in a forward pass, those of the layer itself in a backward pass.
struct SlabSpeed {
  Curve forward;
  Curve backward;  ///< gradient and input gradient
  Curve first;     ///< backward pass of a first layer, which needs no input gradient
  bool operator==(const SlabSpeed&) const = default;
};

/// How fast one rank with its threads computes.
struct KernelSpeed {
  SlabSpeed full;  ///< in slabs of 4 lines
  SlabSpeed half;  ///< in slabs of 2 lines: of very wide networks, and the last slab of a batch
  Curve step;      ///< ns per connection for a step of the optimizer, by connections of the network
  Curve carry;  ///< ns per connection of a part to send its weight and to put it in its place, by connections
  Curve neuron;  ///< ns per neuron and line for all that is not done by connection, by neurons x lines
  /// How many times as long a whole step takes as all that other figures make of it, by bytes of connections
  /// and values: what was in a cache while one thing was measured over and over is not while others go on.
  Curve whole;
  double dropout = 0;         ///< ns per neuron and line more where there is dropout
  double loss = 0;            ///< ns per output and line of the loss and its gradient
  double gather = 0;          ///< ns per input and line to fetch the samples of a batch
  double dense_forward = 0;   ///< ns per cell and line of a layer that stores every cell
  double dense_backward = 0;  ///< the same
  bool operator==(const KernelSpeed&) const = default;
};

/// Typical figures of one thread of a Zen 4 core with AVX-512, as `plexus doctor` measured them.
[[nodiscard]] const KernelSpeed& default_kernel_speed();

/// Calls `visit(name, figure)` for every figure of a `KernelSpeed`: a `Curve` or a double.
template <class Speed, class Visitor>
void for_each_figure(Speed& speed, Visitor&& visit) {
  visit("forward_full", speed.full.forward);
  visit("backward_full", speed.full.backward);
  visit("first_full", speed.full.first);
  visit("forward_half", speed.half.forward);
  visit("backward_half", speed.half.backward);
  visit("first_half", speed.half.first);
  visit("step", speed.step);
  visit("carry", speed.carry);
  visit("neuron", speed.neuron);
  visit("whole", speed.whole);
  visit("dropout", speed.dropout);
  visit("loss", speed.loss);
  visit("gather", speed.gather);
  visit("dense_forward", speed.dense_forward);
  visit("dense_backward", speed.dense_backward);
}

/// All figures in the order of `for_each_figure`, point by point.
[[nodiscard]] std::vector<double*> figures_of(KernelSpeed& speed);

/// What `threads` times as many threads make of it at best: all but the ratios.
[[nodiscard]] KernelSpeed with_threads(KernelSpeed speed, double threads);

/// Where the ranks of a job are, as far as their speed depends on it.
struct RankLayout {
  int ranks = 1;
  int threads = 1;            ///< of a rank
  int machines = 1;           ///< that the ranks are on
  bool shared_memory = true;  ///< whether sums are taken in memory that all ranks share; else by messages
  bool operator==(const RankLayout&) const = default;
};

/// How fast ranks talk to each other.
struct NetworkSpeed {
  double latency = 0;    ///< seconds until a message arrives however short it is
  double bandwidth = 0;  ///< bytes per second that a rank sends while it receives as many
  double hidden = 1;     ///< share of the time of sums that passes while the ranks compute, where they do
  /// Measured: seconds per byte that a rank sends for sums, latencies included, by the bytes of a step. Empty
  /// where latency and bandwidth say all.
  Curve sums;
  double message = 0;  ///< seconds that each further message takes which is under way with others
  /// Measured: seconds until all ranks know the largest of a few numbers. 0: that of a tree, there and back.
  double agreement = 0;
  bool operator==(const NetworkSpeed&) const = default;
};

/// All figures, point by point.
[[nodiscard]] std::vector<double*> figures_of(NetworkSpeed& speed);

/// Networks that are known by name: typical figures.
struct NamedNetwork {
  const char* name;
  const char* help;
  NetworkSpeed speed;
};
[[nodiscard]] const std::vector<NamedNetwork>& named_networks();

}  // namespace plexus
