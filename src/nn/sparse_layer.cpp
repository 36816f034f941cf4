#include "src/nn/sparse_layer.hpp"

#include <atomic>

#include "src/support/parallel.hpp"

namespace plexus {

SparseLayer::SparseLayer(LayerSnapshot state, InputGradient input_gradient)
    : Layer(std::move(state)), input_gradient_(input_gradient) {
  index_pattern();
  weights_changed();
}

CsrView SparseLayer::csr() const {
  return {state_.topology.row_ptrs.data(), state_.topology.col_idxs.data(), state_.values.data()};
}

void SparseLayer::index_pattern() {
  row_cuts_ = balanced_cuts(state_.topology.row_ptrs, thread_count());
  if (input_gradient_ == InputGradient::not_wanted) return;
  transposed_ = transposed(state_.topology);
  transposed_values_.resize(state_.values.size());
  col_cuts_ = balanced_cuts(transposed_.col_ptrs, thread_count());
}

void SparseLayer::weights_changed() {
  if (input_gradient_ == InputGradient::not_wanted) return;
  parallel_over(connections(), 4096, [&](Offset begin, Offset end) {
    for (auto p = static_cast<std::size_t>(begin); p < static_cast<std::size_t>(end); ++p) {
      transposed_values_[p] = state_.values[transposed_.sources[p]];
    }
  });
}

void SparseLayer::forward(const Slabs& x, Slabs& z) const {
  z.resize(x.shards(), rows());
  parallel_parts(row_cuts_, [&](Index begin, Index end) {
    kernels().sparse_product(csr(), {begin, end}, state_.biases.data(), {x.data(), x.stride()},
                             {z.data(), z.stride()}, x.shards());
  });
}

void SparseLayer::backward(const Slabs& delta, Slabs& dx) const {
  dx.resize(delta.shards(), cols());
  const CsrView by_column{transposed_.col_ptrs.data(), transposed_.row_idxs.data(),
                          transposed_values_.data()};
  parallel_parts(col_cuts_, [&](Index begin, Index end) {
    kernels().sparse_product(by_column, {begin, end}, nullptr, {delta.data(), delta.stride()},
                             {dx.data(), dx.stride()}, delta.shards());
  });
}

GradientCheck SparseLayer::gradient_exact(const Slabs& x, const Slabs& delta, FixedPoint unit,
                                          std::int64_t* gradient) {
  std::atomic<bool> out_of_range = false;
  parallel_parts(row_cuts_, [&](Index begin, Index end) {
    const RowRange range{begin, end};
    const ConstSlabView d{delta.data(), delta.stride()};
    const auto weights =
        kernels().sparse_gradient_exact(csr(), range, d, {x.data(), x.stride()}, x.shards(), unit, gradient);
    const auto biases = kernels().bias_gradient_exact(range, d, x.shards(), unit, gradient + connections());
    if (weights != GradientCheck::ok || biases != GradientCheck::ok) out_of_range = true;
  });
  return out_of_range ? GradientCheck::out_of_range : GradientCheck::ok;
}

void SparseLayer::gradient_fast(const Slabs& x, const Slabs& delta, Real* gradient) {
  parallel_parts(row_cuts_, [&](Index begin, Index end) {
    const RowRange range{begin, end};
    const ConstSlabView d{delta.data(), delta.stride()};
    kernels().sparse_gradient_fast(csr(), range, d, {x.data(), x.stride()}, x.shards(), gradient);
    kernels().bias_gradient_fast(range, d, x.shards(), gradient + connections());
  });
}

void SparseLayer::edit_weights(const LayerEdit& edit) {
  Topology after = edited(state_.topology, edit);
  state_.values = carried(state_.values, state_.topology, edit, after, Grown::value);
  for (auto& states : state_.value_states)
    states = carried(states, state_.topology, edit, after, Grown::zero);
  state_.topology = std::move(after);
  index_pattern();
}

}  // namespace plexus
