#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "src/optim/optimizer.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/rewire/layer_view.hpp"
#include "src/sparse/kernels.hpp"
#include "src/sparse/slabs.hpp"
#include "src/state/model_snapshot.hpp"
#include "src/support/function_ref.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Called when the work on some neurons is done in one slab, by the thread that did it and while their values
/// are in its cache.
using NeuronsDone = FunctionRef<void(Index slab, RowRange neurons)>;

/// Takes a gradient in parts: in ascending order, none much larger than Layer::part_values, and cut in the
/// same way on all ranks.
template <class Value>
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  /// @return where values [first, first + count) of the gradient shall be written; valid until `part_done`
  [[nodiscard]] virtual Value* part_begins(Offset first, Offset count) = 0;
  /// They are there.
  virtual void part_done() = 0;
};

/// One step of an optimizer.
struct OptimizerStep {
  const Optimizer& optimizer;
  double rate;
};

/// What a layer does with its gradient, which it computes block by block: one of three things.
/// @tparam Value  std::int64_t: exact sums of multiples of 1 / scale; Real: floats, scale 1
template <class Value>
struct GradientUse {
  double scale = 1;
  Value* out = nullptr;                 ///< writes it here: Layer::parameters() values in gradient order
  const OptimizerStep* step = nullptr;  ///< takes this step at once; the gradient is not kept
  GradientSink<Value>* sink = nullptr;  ///< hands it over in parts, on the thread that calls `backward`
};
using ExactGradient = GradientUse<std::int64_t>;
using FastGradient = GradientUse<Real>;

/// Gives values [first, first + count) of a gradient; `scratch` has room for them and may be what is
/// returned.
template <class Value>
using GradientValues = FunctionRef<const Value*(Offset first, Offset count, Value* scratch)>;

/// The affine map Y = W X + b of one layer, with its parameters, their optimizer state and the stable ids of
/// its neurons. Rows are the layer's neurons, columns those of the layer before. How W is stored is the
/// subclass's. Gradients are vectors of one value for each stored weight, in an order that is the subclass's
/// and the same on all ranks, with the biases behind them.
class Layer {
 public:
  virtual ~Layer() = default;

  [[nodiscard]] Index rows() const { return state_.topology.rows; }
  [[nodiscard]] Index cols() const { return state_.topology.cols; }
  [[nodiscard]] LayerKind kind() const { return state_.kind; }
  /// Weights whose gradients this layer computes: connections of a sparse layer, cells of a dense one.
  [[nodiscard]] virtual Offset connections() const { return static_cast<Offset>(state_.values.size()); }
  /// Weights and biases.
  [[nodiscard]] Offset parameters() const { return connections() + rows(); }
  [[nodiscard]] const std::vector<NeuronId>& row_ids() const { return state_.row_ids; }
  [[nodiscard]] const std::vector<NeuronId>& col_ids() const { return state_.col_ids; }
  /// The connections of the rows; of a dense layer only its size.
  [[nodiscard]] const Topology& pattern() const { return state_.topology; }
  /// Pattern and neurons, without weights.
  [[nodiscard]] LayerView view_of_pattern(bool evolves) const;
  /// The same with the weights, which are sorted for it: valid until the next step, not for every step.
  [[nodiscard]] LayerView view(bool evolves);
  /// The whole state, sorted as a checkpoint wants it: valid until the next step, not for every step.
  [[nodiscard]] virtual const LayerSnapshot& state() { return state_; }
  /// Lets go of what `state` and `view` made, as the next step would.
  void release_state() { before_steps(); }
  /// The stored weight (as in `state`) that each gradient value but those of biases belongs to.
  [[nodiscard]] virtual std::vector<Offset> gradient_order() const = 0;

  /// Z = W X + b for all samples of `x`.
  void forward(const Slabs& x, Slabs& z, NeuronsDone done) const {
    forward_slabs(x, z, {0, x.slabs()}, done);
  }
  /// The same for some slabs; the others of `z` keep what they have while `x` has as many samples.
  virtual void forward_slabs(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const = 0;

  /// The gradient of weights and biases, sums over all samples of delta x^T and of delta, and dX = W^T delta
  /// with the weights as they were.
  /// @param dx    where dX goes; nullptr for the first layer of a network, which needs none
  /// @param done  called for neurons of the layer before, whose dX is complete if it is wanted
  /// @return      exact gradients with a step: the bitwise or of all magnitudes; otherwise 0
  virtual std::uint64_t backward(const Slabs& x, const Slabs& delta, Slabs* dx, const ExactGradient& use,
                                 NeuronsDone done) = 0;
  virtual std::uint64_t backward(const Slabs& x, const Slabs& delta, Slabs* dx, const FastGradient& use,
                                 NeuronsDone done) = 0;

  /// One step of the optimizer for the parameters at places [first, first + count) of gradients. May be
  /// called for a part that a sink was given while `backward` makes later ones.
  /// @param gradient  asked for places inside the range, by several threads; in units of 1 / scale
  /// @return          the bitwise or of all magnitudes; 0 for floats
  std::uint64_t update(const OptimizerStep& step, Offset first, Offset count,
                       GradientValues<std::int64_t> gradient, double scale);
  std::uint64_t update(const OptimizerStep& step, Offset first, Offset count, GradientValues<Real> gradient);

  /// Where several parts hold the layer: collective; to be called after the last `update` of a step, and
  /// before the next `forward`.
  virtual void send_weights() {}
  virtual void receive_weights() {}

  /// Values that a part of a gradient may have; more only where one neuron has more. Large enough for the
  /// message of a sum over ranks, small enough that the sum of the last part, which nothing hides, is short.
  static constexpr Offset part_values = 20480;

  /// Changes the pattern: removes neurons and connections, adds connections. Optimizer state follows its
  /// weight.
  void apply(const LayerEdit& edit);

  [[nodiscard]] int gradient_exponent() const { return state_.gradient_exponent; }
  void gradient_exponent(int exponent) { state_.gradient_exponent = exponent; }

 protected:
  explicit Layer(LayerSnapshot state) : state_(std::move(state)) {}

  // Parts of a backward pass; threads call them for disjoint ranges. They return the bitwise or of all
  // magnitudes, or 0, as `backward` does.

  /// A step for `count` weights from gradient place `first` on, whose gradients are given.
  template <class Value>
  std::uint64_t step_weights(const OptimizerStep& step, Offset first, Offset count, const Value* gradient,
                             double scale);
  /// What some slabs add to the gradient of the biases of `rows`.
  template <class Value>
  static void sum_biases(const Slabs& delta, SlabRange slabs, RowRange rows, double scale, Value* out);
  /// The gradient of the biases of `rows`.
  /// @param out  where it goes, or nullptr with a step
  template <class Value>
  std::uint64_t biases(const Slabs& delta, RowRange rows, const GradientUse<Value>& use, Value* out);
  /// The gradient of a rank that has no samples.
  template <class Value>
  std::uint64_t no_samples(const GradientUse<Value>& use) const;

  /// A part of the gradient: weights, biases, or the last weights and all biases.
  struct Part {
    Offset first;     ///< place of its first value
    Offset count;     ///< of values
    RowRange biases;  ///< rows whose biases it has; they come last
  };
  /// Sets the parts of gradients: one for each range of weights between neighbouring cuts, and if need be
  /// others for the biases.
  void cut_gradient(const std::vector<Offset>& weight_cuts);
  /// Parts that the weights alone are worth being cut into.
  [[nodiscard]] int parts_of_weights() const {
    return static_cast<int>(std::max<Offset>(1, (connections() + part_values - 1) / part_values));
  }

  LayerSnapshot state_;
  std::vector<Part> parts_;

 private:
  /// Gets ready for steps.
  virtual void before_steps() {}
  /// Has `state_.values` hold the weights until the next step.
  virtual void sort_weights() {}
  /// Weights and their optimizer state in gradient order.
  [[nodiscard]] virtual ParameterBlock weights(Offset first, Offset count) = 0;
  /// Replaces the stored weights and their optimizer state by what `edit` leaves of them.
  virtual void edit_weights(const LayerEdit& edit) = 0;
  template <class Value>
  std::uint64_t step_biases(const OptimizerStep& step, RowRange rows, const Value* gradient, double scale);
  template <class Value>
  std::uint64_t update_range(const OptimizerStep& step, Offset first, Offset count,
                             GradientValues<Value> gradient, double scale);
};

/// Continues from `state`, which for a new network is its first state.
[[nodiscard]] std::unique_ptr<Layer> make_layer(LayerSnapshot state);

/// `arrays` at `first`, as an optimizer wants them.
[[nodiscard]] ParameterBlock block_of(std::vector<Real>& values, std::vector<std::vector<Real>>& states,
                                      Offset first, Offset count);

}  // namespace plexus
