#pragma once

#include <cstdint>

#include "src/nn/layer.hpp"
#include "src/support/aligned.hpp"

namespace plexus {

/// A fully connected layer: the baseline that sparse layers are compared with. Its products are our own
/// because the exactness contract fixes the order of every sum, which no BLAS promises. Gradients are
/// row-major.
class DenseLayer final : public Layer {
 public:
  explicit DenseLayer(LayerSnapshot state);

  [[nodiscard]] std::vector<Offset> gradient_order() const override;

  void forward_slabs(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const override;
  std::uint64_t backward(const Slabs& x, const Slabs& delta, Slabs* dx, const ExactGradient& use,
                         NeuronsDone done) override;
  std::uint64_t backward(const Slabs& x, const Slabs& delta, Slabs* dx, const FastGradient& use,
                         NeuronsDone done) override;

 private:
  [[nodiscard]] ParameterBlock weights(Offset first, Offset count) override;
  void edit_weights(const LayerEdit& edit) override;
  void cut();
  void sort_by_sample(const Slabs& x);

  void input_gradient(const Slabs& delta, Slabs& dx, NeuronsDone done) const;
  template <class Value>
  std::uint64_t weight_gradient(const Slabs& x, const Slabs& delta, const GradientUse<Value>& use);
  template <class Value>
  std::uint64_t gradient_of_rows(const Slabs& delta, RowRange rows, const GradientUse<Value>& use,
                                 Value* out);

  AlignedVector<Real> by_sample_;  ///< inputs of the batch: [sample][padded_cols_]
  Index padded_cols_ = 0;          ///< cols rounded up to whole lines
};

}  // namespace plexus
