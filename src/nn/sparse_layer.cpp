#include "src/nn/sparse_layer.hpp"

#include <atomic>
#include <limits>

#include "src/support/error.hpp"
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
  const Topology& topology = state_.topology;
  ensure(topology.connections() <= std::numeric_limits<std::uint32_t>::max(),
         "a layer of {} connections: one rank holds at most 2^32 - 1 of a layer", topology.connections());
  row_cuts_ = balanced_cuts(topology.row_ptrs, thread_count());
  if (input_gradient_ == InputGradient::not_wanted) return;

  Transposed& t = transposed_;
  t.col_ptrs.assign(static_cast<std::size_t>(cols()) + 1, 0);
  for (const Index col : topology.col_idxs) ++t.col_ptrs[static_cast<std::size_t>(col) + 1];
  for (std::size_t col = 0; col < static_cast<std::size_t>(cols()); ++col)
    t.col_ptrs[col + 1] += t.col_ptrs[col];
  const auto connections = static_cast<std::size_t>(topology.connections());
  t.row_idxs.resize(connections);
  t.sources.resize(connections);
  t.values.resize(connections);
  std::vector<Offset> next(t.col_ptrs.begin(), t.col_ptrs.end() - 1);
  for (Index row = 0; row < rows(); ++row) {
    const Offset end = topology.row_ptrs[static_cast<std::size_t>(row) + 1];
    for (Offset p = topology.row_ptrs[static_cast<std::size_t>(row)]; p < end; ++p) {
      const auto col = static_cast<std::size_t>(topology.col_idxs[static_cast<std::size_t>(p)]);
      const auto place = static_cast<std::size_t>(next[col]++);
      t.row_idxs[place] = row;
      t.sources[place] = static_cast<std::uint32_t>(p);
    }
  }
  col_cuts_ = balanced_cuts(t.col_ptrs, thread_count());
}

void SparseLayer::weights_changed() {
  if (input_gradient_ == InputGradient::not_wanted) return;
  parallel_over(connections(), 4096, [&](Offset begin, Offset end) {
    for (auto p = static_cast<std::size_t>(begin); p < static_cast<std::size_t>(end); ++p) {
      transposed_.values[p] = state_.values[transposed_.sources[p]];
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
  const CsrView transposed{transposed_.col_ptrs.data(), transposed_.row_idxs.data(),
                           transposed_.values.data()};
  parallel_parts(col_cuts_, [&](Index begin, Index end) {
    kernels().sparse_product(transposed, {begin, end}, nullptr, {delta.data(), delta.stride()},
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
