#pragma once

#include <memory>
#include <string>

#include "mpi/distributed_context.hpp"
#include "src/nn/network.hpp"
#include "src/optim/optimizer.hpp"

namespace plexus {

/// Sums the gradients of all ranks and lets the optimizer take the step. The gradient exchanged is the vector
/// of values aligned with the stored parameters; the pattern is the same on all ranks, so no index travels.
/// A step needs memory for the parts that are under way, not for a gradient. A rank that trains alone takes
/// a layer's step as it computes its gradient.
/// Collective: all ranks call the same functions for the same layers in the same order.
class GradientExchange {
 public:
  virtual ~GradientExchange() = default;
  /// Carries the gradient of this rank's samples back through layer l and starts its sum over ranks.
  /// @param batch_shards  shards of the whole batch, all ranks together
  virtual void backward(Network& network, std::size_t l, const Batch& batch, Offset batch_shards,
                        const OptimizerStep& step) = 0;
  /// Lets sums under way make progress. Independent.
  virtual void poll() = 0;

  /// Waits for the sum of layer l and updates the layer.
  /// @throws RanksFailed if the gradient is not finite
  virtual void finish(Network& network, std::size_t l, const Batch& batch, const OptimizerStep& step) = 0;

  /// Ends a step, after the last layer: collective also over the parts of a network.
  virtual void end_step(Network& network) = 0;
  /// The same. To be called before layers are looked at: what the parts learn from each other's step travels
  /// until then, or until the next step.
  virtual void settle(Network& network) = 0;

  /// Seconds spent waiting for sums since the last call.
  [[nodiscard]] virtual double take_seconds_waited() = 0;
};

/// Independent. Bytes that a parameter has in a sum.
[[nodiscard]] Offset exchanged_bytes(const std::string& exactness);

/// Independent. Most bytes that a rank needs for gradients under way, if no neuron has more than
/// Layer::part_values parameters of its own.
[[nodiscard]] Offset exchange_memory();

/// Collective.
/// @param exactness  "exact": integers, the same bits for any number of ranks and threads; "fast": floats.
[[nodiscard]] std::unique_ptr<GradientExchange> make_gradient_exchange(const std::string& exactness,
                                                                       DistributedContext& ctx);

}  // namespace plexus
