#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/support/types.hpp"

namespace plexus::bench {

/// The work of a layer's step done with other people's products, or with plain loops, one thread. Matrices
/// are neurons x samples, row-major (the samples of a neuron side by side), unless the name says otherwise.
class Rivals {
 public:
  Rivals(const Topology& topology, const std::vector<Real>& values, const std::vector<Real>& inputs,
         const std::vector<Real>& deltas);
  ~Rivals();
  Rivals(const Rivals&) = delete;
  Rivals& operator=(const Rivals&) = delete;

  // Outputs W X.
  void eigen_forward();
  /// With the neurons of a sample side by side.
  void eigen_forward_column_major();
  void openblas_forward();

  // Input gradient W^T delta.
  void eigen_input_gradient();
  /// With a transposed copy of W, made before.
  void eigen_input_gradient_of_copy();

  // Gradient at the stored connections.
  void plain_gradient();
  void eigen_gradient();

  /// Momentum and weight decay with the gradient, as the optimizer "sgd" does.
  void plain_update();

  [[nodiscard]] std::vector<Real> outputs() const;
  [[nodiscard]] std::vector<Real> input_gradients() const;
  [[nodiscard]] std::vector<Real> weight_gradients() const;

 private:
  struct Matrices;
  std::unique_ptr<Matrices> m_;
};

[[nodiscard]] std::string eigen_version();
/// With the processor that it takes this one for.
[[nodiscard]] std::string openblas_version();

}  // namespace plexus::bench
