#pragma once

#include <utility>

#include "src/nn/layer.hpp"
#include "src/support/aligned.hpp"

namespace plexus {

/// A fully connected layer: the baseline that sparse layers are compared with. Its products are our own
/// because the exactness contract fixes the order of every sum, which no BLAS promises.
class DenseLayer final : public Layer {
 public:
  explicit DenseLayer(LayerSnapshot state) : Layer(std::move(state)) {}

  void forward(const Slabs& x, Slabs& z) const override;
  void backward(const Slabs& delta, Slabs& dx) const override;
  GradientCheck gradient_exact(const Slabs& x, const Slabs& delta, FixedPoint unit,
                               std::int64_t* gradient) override;
  void gradient_fast(const Slabs& x, const Slabs& delta, Real* gradient) override;

 private:
  void weights_changed() override {}
  void edit_weights(const LayerEdit& edit) override;
  void sort_by_sample(const Slabs& x);

  AlignedVector<Real> by_sample_;  ///< inputs of the batch: [shard][sample][padded_cols_]
  Index padded_cols_ = 0;          ///< cols rounded up to whole vectors
};

}  // namespace plexus
