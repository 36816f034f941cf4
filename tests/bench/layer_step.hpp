#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "src/nn/layer.hpp"
#include "src/optim/optimizer.hpp"
#include "src/sparse/slabs.hpp"
#include "src/support/types.hpp"
#include "tests/bench/measure.hpp"

namespace plexus::bench {

/// State of a new layer with random connections, he_uniform weights and momentum.
[[nodiscard]] LayerSnapshot new_layer(Index rows, Index cols, double density);

/// One step of the optimizer with a gradient of zeros: what a layer puts off until its next step is done
/// then.
void settle(Layer& layer);

/// How gradients are summed: config key parallel.exactness.
enum class Sums { exact, fast };

/// A layer with what a step needs: random inputs, and random gradients at its outputs. The one place that
/// knows how the phases of a step are called.
class LayerStep {
 public:
  /// Splits the work among as many threads as OpenMP uses now.
  LayerStep(LayerSnapshot state, Offset samples);

  /// Z = W X + b.
  void forward();
  /// Input gradient dX = W^T delta, gradient at the stored connections, and update.
  void backward(Sums sums);
  /// What the first layer of a network does instead: gradient and update.
  void first_layer_backward(Sums sums);
  /// Gradient alone, as ranks exchange it.
  void gradient(Sums sums);

  /// Useful operations of `products` sparse products: 2 x connections x samples for each.
  [[nodiscard]] double flops(int products) const;
  [[nodiscard]] Offset connections() const { return layer_->connections(); }

  // Neurons x samples, row-major: what others are given, and what they must come to.
  [[nodiscard]] std::vector<Real> inputs() const { return row_major(x_); }
  [[nodiscard]] std::vector<Real> outputs() const { return row_major(z_); }
  [[nodiscard]] std::vector<Real> deltas() const { return row_major(delta_); }
  [[nodiscard]] std::vector<Real> input_gradients() const { return row_major(dx_); }
  /// One a connection, in CSR order, after gradient(Sums::fast).
  [[nodiscard]] std::vector<Real> weight_gradients() const;

 private:
  [[nodiscard]] std::vector<Real> row_major(const Slabs& slabs) const;
  /// As in a network of this layer.
  [[nodiscard]] Index lines_per_slab() const;
  void step(Slabs* dx, Sums sums);

  Offset samples_;
  std::unique_ptr<Layer> layer_;
  std::unique_ptr<Optimizer> optimizer_;
  Slabs x_;
  Slabs z_;
  Slabs delta_;
  Slabs dx_;
  std::vector<std::int64_t> exact_gradient_;
  std::vector<Real> fast_gradient_;
};

}  // namespace plexus::bench
