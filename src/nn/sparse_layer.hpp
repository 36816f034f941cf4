#pragma once

#include <vector>

#include "src/nn/layer.hpp"
#include "src/sparse/transposed_index.hpp"

namespace plexus {

/// A layer that stores its connections only, in CSR form. Memory and time are linear in connections and
/// neurons.
class SparseLayer final : public Layer {
 public:
  SparseLayer(LayerSnapshot state, InputGradient input_gradient);

  void forward(const Slabs& x, Slabs& z) const override;
  void backward(const Slabs& delta, Slabs& dx) const override;
  GradientCheck gradient_exact(const Slabs& x, const Slabs& delta, FixedPoint unit,
                               std::int64_t* gradient) override;
  void gradient_fast(const Slabs& x, const Slabs& delta, Real* gradient) override;

 private:
  void weights_changed() override;
  void edit_weights(const LayerEdit& edit) override;
  void index_pattern();
  [[nodiscard]] CsrView csr() const;

  InputGradient input_gradient_;
  TransposedIndex transposed_;           ///< for the backward pass; empty without it
  std::vector<Real> transposed_values_;  ///< in its order
  std::vector<Index> row_cuts_;          ///< rows of each thread
  std::vector<Index> col_cuts_;          ///< columns of each thread
};

}  // namespace plexus
