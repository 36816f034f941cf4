#include "src/nn/dense_layer.hpp"

#include <algorithm>
#include <atomic>

#include "src/support/parallel.hpp"

namespace plexus {

namespace {

constexpr Offset tile = 16;

/// The rows x cols matrix `values` without some rows and columns.
std::vector<Real> without_neurons(const std::vector<Real>& values, Index rows, Index cols,
                                  const LayerEdit& edit) {
  std::vector<Index> kept_rows(static_cast<std::size_t>(rows));
  for (Index row = 0; row < rows; ++row) kept_rows[static_cast<std::size_t>(row)] = row;
  kept_rows = without(kept_rows, edit.removed_rows);
  std::vector<Real> kept;
  for (const Index row : kept_rows) {
    const auto begin = values.begin() + static_cast<Offset>(row) * cols;
    const std::vector<Real> shortened = without(std::vector<Real>(begin, begin + cols), edit.removed_cols);
    kept.insert(kept.end(), shortened.begin(), shortened.end());
  }
  return kept;
}

}  // namespace

void DenseLayer::forward(const Slabs& x, Slabs& z) const {
  z.resize(x.shards(), rows());
  parallel_over(rows(), 4, [&](Offset begin, Offset end) {
    kernels().dense_product({state_.values.data(), cols()},
                            {static_cast<Index>(begin), static_cast<Index>(end)}, state_.biases.data(),
                            {x.data(), x.stride()}, {z.data(), z.stride()}, x.shards());
  });
}

void DenseLayer::backward(const Slabs& delta, Slabs& dx) const {
  dx.resize(delta.shards(), cols());
  parallel_over(cols(), tile, [&](Offset begin, Offset end) {
    kernels().dense_transposed_product(
        {state_.values.data(), cols()}, rows(), {static_cast<Index>(begin), static_cast<Index>(end)},
        {delta.data(), delta.stride()}, {dx.data(), dx.stride()}, delta.shards());
  });
}

void DenseLayer::sort_by_sample(const Slabs& x) {
  padded_cols_ = static_cast<Index>((cols() + tile - 1) / tile * tile);
  by_sample_.resize(static_cast<std::size_t>(x.shards()) * shard_samples *
                    static_cast<std::size_t>(padded_cols_));
  for (Index s = 0; s < x.shards(); ++s) {
    Real* out = by_sample_.data() + static_cast<Offset>(s) * shard_samples * padded_cols_;
    parallel_over(padded_cols_, tile, [&](Offset begin, Offset end) {
      for (Offset sample = 0; sample < shard_samples; ++sample) {
        for (Offset col = begin; col < end; ++col) {
          out[sample * padded_cols_ + col] =
              col < cols() ? x.at(s, static_cast<Index>(col))[sample] : Real{0};
        }
      }
    });
  }
}

GradientCheck DenseLayer::gradient_exact(const Slabs& x, const Slabs& delta, FixedPoint unit,
                                         std::int64_t* gradient) {
  sort_by_sample(x);
  std::atomic<bool> out_of_range = false;
  parallel_over(rows(), 4, [&](Offset begin, Offset end) {
    const RowRange range{static_cast<Index>(begin), static_cast<Index>(end)};
    const ConstSlabView d{delta.data(), delta.stride()};
    const auto weights = kernels().dense_gradient_exact(range, cols(), d, by_sample_.data(), padded_cols_,
                                                        x.shards(), unit, gradient);
    const auto biases = kernels().bias_gradient_exact(range, d, x.shards(), unit, gradient + connections());
    if (weights != GradientCheck::ok || biases != GradientCheck::ok) out_of_range = true;
  });
  return out_of_range ? GradientCheck::out_of_range : GradientCheck::ok;
}

void DenseLayer::gradient_fast(const Slabs& x, const Slabs& delta, Real* gradient) {
  sort_by_sample(x);
  parallel_over(rows(), 4, [&](Offset begin, Offset end) {
    const RowRange range{static_cast<Index>(begin), static_cast<Index>(end)};
    const ConstSlabView d{delta.data(), delta.stride()};
    kernels().dense_gradient_fast(range, cols(), d, by_sample_.data(), padded_cols_, x.shards(), gradient);
    kernels().bias_gradient_fast(range, d, x.shards(), gradient + connections());
  });
}

void DenseLayer::edit_weights(const LayerEdit& edit) {
  state_.values = without_neurons(state_.values, rows(), cols(), edit);
  for (auto& states : state_.value_states) states = without_neurons(states, rows(), cols(), edit);
  state_.topology.rows -= static_cast<Index>(edit.removed_rows.size());
  state_.topology.cols -= static_cast<Index>(edit.removed_cols.size());
}

}  // namespace plexus
