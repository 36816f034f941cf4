#pragma once

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

/// Called when values [first, first + count) of a gradient are complete.
using GradientPartDone = FunctionRef<void(Offset first, Offset count)>;

/// One step of an optimizer.
struct OptimizerStep {
  const Optimizer& optimizer;
  double rate;
};

/// What a layer does with its gradient, which it computes block by block: it hands it out, or takes the
/// optimizer's step at once and keeps nothing.
/// @tparam Value  std::int64_t: exact sums of multiples of 1 / scale; Real: floats, scale 1
template <class Value>
struct GradientUse {
  double scale = 1;
  Value* out = nullptr;  ///< Layer::parameters() values in gradient order; or nullptr, and a step
  const OptimizerStep* step = nullptr;
  /// With `out`: wants the gradient in parts, in ascending order and the same on all ranks, the biases with
  /// the last. Called by the thread that calls `backward`.
  const GradientPartDone* part_done = nullptr;
};
using ExactGradient = GradientUse<std::int64_t>;
using FastGradient = GradientUse<Real>;

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
  /// Stored weights: connections of a sparse layer, cells of a dense one.
  [[nodiscard]] Offset connections() const { return static_cast<Offset>(state_.values.size()); }
  /// Weights and biases.
  [[nodiscard]] Offset parameters() const { return connections() + rows(); }
  [[nodiscard]] const std::vector<NeuronId>& row_ids() const { return state_.row_ids; }
  [[nodiscard]] LayerView view(bool evolves) const;
  /// The whole state. Sorts the optimizer's state as a checkpoint wants it, which the next step undoes: not
  /// for every step.
  [[nodiscard]] virtual const LayerSnapshot& state() { return state_; }
  /// The stored weight (as in `state`) that each gradient value but those of biases belongs to.
  [[nodiscard]] virtual std::vector<Offset> gradient_order() const = 0;

  /// Z = W X + b for all samples of `x`.
  virtual void forward(const Slabs& x, Slabs& z, NeuronsDone done) const = 0;

  /// The gradient of weights and biases, sums over all samples of delta x^T and of delta, and dX = W^T delta
  /// with the weights as they were.
  /// @param dx    where dX goes; nullptr for the first layer of a network, which needs none
  /// @param done  called for neurons of the layer before, whose dX is complete if it is wanted
  /// @return      exact gradients with a step: the bitwise or of all magnitudes; otherwise 0
  virtual std::uint64_t backward(const Slabs& x, const Slabs& delta, Slabs* dx, const ExactGradient& use,
                                 NeuronsDone done) = 0;
  virtual std::uint64_t backward(const Slabs& x, const Slabs& delta, Slabs* dx, const FastGradient& use,
                                 NeuronsDone done) = 0;

  /// One step of the optimizer.
  /// @param gradient  parameters() values in units of 1 / scale, in gradient order
  /// @return          the bitwise or of all magnitudes; 0 for floats
  std::uint64_t update(const OptimizerStep& step, const std::int64_t* gradient, double scale);
  std::uint64_t update(const OptimizerStep& step, const Real* gradient);

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
  /// The gradient of the biases of `rows`.
  template <class Value>
  std::uint64_t biases(const Slabs& delta, RowRange rows, const GradientUse<Value>& use);
  /// The gradient of a rank that has no samples.
  template <class Value>
  std::uint64_t no_samples(const GradientUse<Value>& use) const;

  LayerSnapshot state_;

 private:
  /// Gets ready for steps.
  virtual void before_steps() {}
  /// Weights and their optimizer state in gradient order.
  [[nodiscard]] virtual ParameterBlock weights(Offset first, Offset count) = 0;
  /// Weights have new values.
  virtual void weights_changed(Offset first, Offset count) = 0;
  /// Replaces the stored weights and their optimizer state by what `edit` leaves of them.
  virtual void edit_weights(const LayerEdit& edit) = 0;
  template <class Value>
  std::uint64_t step_biases(const OptimizerStep& step, RowRange rows, const Value* gradient, double scale);
  template <class Value>
  std::uint64_t update_all(const OptimizerStep& step, const Value* gradient, double scale);
};

/// Continues from `state`, which for a new network is its first state.
[[nodiscard]] std::unique_ptr<Layer> make_layer(LayerSnapshot state);

/// `arrays` at `first`, as an optimizer wants them.
[[nodiscard]] ParameterBlock block_of(std::vector<Real>& values, std::vector<std::vector<Real>>& states,
                                      Offset first, Offset count);

}  // namespace plexus
