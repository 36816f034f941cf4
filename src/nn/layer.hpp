#pragma once

#include <memory>

#include "src/optim/optimizer.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/rewire/layer_view.hpp"
#include "src/sparse/kernels.hpp"
#include "src/sparse/slabs.hpp"
#include "src/state/model_snapshot.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The affine map Y = W X + b of one layer, with its parameters, their optimizer state and the stable ids of
/// its neurons. Rows are the layer's neurons, columns those of the layer before. How W is stored is the
/// subclass's. Gradients are vectors aligned with the stored weights, the biases behind them.
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
  [[nodiscard]] const LayerSnapshot& state() const { return state_; }
  [[nodiscard]] LayerView view(bool evolves) const;

  /// Z = W X + b for all shards of `x`.
  virtual void forward(const Slabs& x, Slabs& z) const = 0;
  /// dX = W^T delta. Not for the first layer of a network, which keeps no transposed index.
  virtual void backward(const Slabs& delta, Slabs& dx) const = 0;
  /// Sum over all samples of `x` of delta x^T at the stored weights, then of delta: parameters() values.
  /// Exact: in units of 1 / unit.scale; the caller adds the integers of other ranks.
  virtual GradientCheck gradient_exact(const Slabs& x, const Slabs& delta, FixedPoint unit,
                                       std::int64_t* gradient) = 0;
  virtual void gradient_fast(const Slabs& x, const Slabs& delta, Real* gradient) = 0;

  /// One step of the optimizer.
  /// @param gradient  parameters() values in units of 1 / scale, as the gradient functions give them
  void update(const Optimizer& optimizer, const std::int64_t* gradient, double scale, double rate);
  void update(const Optimizer& optimizer, const Real* gradient, double rate);

  /// Changes the pattern: removes neurons and connections, adds connections. Optimizer state follows its
  /// weight.
  void apply(const LayerEdit& edit);

  [[nodiscard]] int gradient_exponent() const { return state_.gradient_exponent; }
  void gradient_exponent(int exponent) { state_.gradient_exponent = exponent; }

 protected:
  explicit Layer(LayerSnapshot state) : state_(std::move(state)) {}

  LayerSnapshot state_;

 private:
  /// Weights have new values.
  virtual void weights_changed() = 0;
  /// Replaces the stored weights and their optimizer state by what `edit` leaves of them.
  virtual void edit_weights(const LayerEdit& edit) = 0;

  template <class Gradient>
  void update_all(const Optimizer& optimizer, double rate, Gradient&& gradient);
};

enum class InputGradient { wanted, not_wanted };

/// Continues from `state`, which for a new network is its first state.
/// @param input_gradient  not_wanted for the first layer of a network: saves the transposed index.
[[nodiscard]] std::unique_ptr<Layer> make_layer(LayerSnapshot state, InputGradient input_gradient);

}  // namespace plexus
