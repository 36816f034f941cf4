#include "src/nn/dense_layer.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>
#include <vector>

#include "src/nn/slab_groups.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

constexpr Index tile_rows = 4;  ///< rows that the gradient kernels take at a time

void dense_gradient(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                    Index padded_cols, double scale, Output output, std::int64_t* gradient) {
  kernels().dense_gradient_exact(rows, cols, delta, x_by_sample, padded_cols, scale, output, gradient);
}

void dense_gradient(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                    Index padded_cols, double, Output output, Real* gradient) {
  kernels().dense_gradient_fast(rows, cols, delta, x_by_sample, padded_cols, output, gradient);
}

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

DenseLayer::DenseLayer(LayerSnapshot state) : Layer(std::move(state)) { cut(); }

/// Parts of the gradient are whole rows.
void DenseLayer::cut() {
  std::vector<Offset> weight_cuts;
  for (const Index row : even_cuts(rows(), std::min(rows(), parts_of_weights())))
    weight_cuts.push_back(static_cast<Offset>(row) * cols());
  cut_gradient(weight_cuts);
}

std::vector<Offset> DenseLayer::gradient_order() const {
  std::vector<Offset> order(static_cast<std::size_t>(connections()));
  std::iota(order.begin(), order.end(), Offset{0});
  return order;
}

ParameterBlock DenseLayer::weights(Offset first, Offset count) {
  return block_of(state_.values, state_.value_states, first, count);
}

void DenseLayer::forward_slabs(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const {
  z.resize(x.lines(), rows(), x.lines_per_slab());
  const int groups = slab_groups(x, slabs, thread_count());
  const auto tiles = static_cast<int>((rows() + tile_rows - 1) / tile_rows);
  const int parts_of_rows = std::min(tiles, thread_count() / groups);
  for_each_part(groups * parts_of_rows, [&](int thread) {
    const auto row = [&](int part) {
      return std::min(rows(), static_cast<Index>(part_begin(tiles, part, parts_of_rows)) * tile_rows);
    };
    const int part = thread % parts_of_rows;
    const RowRange range{row(part), row(part + 1)};
    const SlabRange own = slabs_of_group(slabs, thread / parts_of_rows, groups);
    for (Index s = own.begin; s < own.end; ++s) {
      kernels().dense_product({state_.values.data(), cols()}, range, state_.biases.data(), x.slab(s),
                              z.own(s));
      done(s, range);
    }
  });
}

std::uint64_t DenseLayer::backward(const Slabs& x, const Slabs& delta, Slabs* dx, const ExactGradient& use,
                                   NeuronsDone done) {
  if (dx != nullptr) input_gradient(delta, *dx, done);
  return weight_gradient(x, delta, use);
}

std::uint64_t DenseLayer::backward(const Slabs& x, const Slabs& delta, Slabs* dx, const FastGradient& use,
                                   NeuronsDone done) {
  if (dx != nullptr) input_gradient(delta, *dx, done);
  return weight_gradient(x, delta, use);
}

void DenseLayer::input_gradient(const Slabs& delta, Slabs& dx, NeuronsDone done) const {
  dx.resize(delta.lines(), cols(), delta.lines_per_slab());
  parallel_over(cols(), line_samples, [&](Offset begin, Offset end) {
    const RowRange range{static_cast<Index>(begin), static_cast<Index>(end)};
    for (Index s = 0; s < delta.slabs(); ++s) {
      kernels().dense_transposed_product({state_.values.data(), cols()}, rows(), range, delta.slab(s),
                                         dx.own(s));
      done(s, range);
    }
  });
}

void DenseLayer::sort_by_sample(const Slabs& x) {
  padded_cols_ = static_cast<Index>((cols() + line_samples - 1) / line_samples * line_samples);
  by_sample_.resize(static_cast<std::size_t>(x.lines()) * line_samples *
                    static_cast<std::size_t>(padded_cols_));
  parallel_over(padded_cols_, line_samples, [&](Offset begin, Offset end) {
    Real* out = by_sample_.data();
    for (Index s = 0; s < x.slabs(); ++s) {
      const ConstSlabView slab = x.slab(s);
      for (Index sample = 0; sample < slab.lines * line_samples; ++sample, out += padded_cols_) {
        const Index lane = lane_of(sample, slab.lines);
        for (auto col = static_cast<Index>(begin); col < static_cast<Index>(end); ++col)
          out[col] = col < cols() ? slab.neuron(col)[lane] : Real{0};
      }
    }
  });
}

template <class Value>
std::uint64_t DenseLayer::weight_gradient(const Slabs& x, const Slabs& delta, const GradientUse<Value>& use) {
  if (delta.lines() == 0) return no_samples(use);
  sort_by_sample(x);
  if (use.sink == nullptr) {
    const std::uint64_t magnitudes = gradient_of_rows(delta, {0, rows()}, use, use.out);
    return magnitudes |
           biases(delta, {0, rows()}, use, use.out == nullptr ? nullptr : use.out + connections());
  }
  for (const Part& part : parts_) {
    Value* out = use.sink->part_begins(part.first, part.count);
    const Offset weights_end = std::min(part.first + part.count, connections());
    if (part.first < weights_end) {
      const RowRange rows{static_cast<Index>(part.first / cols()), static_cast<Index>(weights_end / cols())};
      gradient_of_rows(delta, rows, use, out);
    }
    if (part.biases.begin < part.biases.end) {
      biases(delta, part.biases, use, out + (part.count - (part.biases.end - part.biases.begin)));
    }
    use.sink->part_done();
  }
  return 0;
}

/// The gradient of the weights of some rows. @param out  nullptr with a step
template <class Value>
std::uint64_t DenseLayer::gradient_of_rows(const Slabs& delta, RowRange rows, const GradientUse<Value>& use,
                                           Value* out) {
  std::atomic<std::uint64_t> magnitudes = 0;
  parallel_over(rows.end - rows.begin, tile_rows, [&](Offset begin, Offset end) {
    thread_local std::vector<Value> sums;
    if (out == nullptr) sums.resize(std::max(sums.size(), static_cast<std::size_t>(tile_rows * cols())));
    std::uint64_t own = 0;
    const auto last = static_cast<Index>(rows.begin + end);
    for (RowRange tile{static_cast<Index>(rows.begin + begin), 0}; tile.begin < last; tile.begin = tile.end) {
      tile.end = std::min(last, tile.begin + tile_rows);
      Value* gradient =
          out == nullptr ? sums.data() : out + static_cast<Offset>(tile.begin - rows.begin) * cols();
      for (Index s = 0; s < delta.slabs(); ++s) {
        dense_gradient(
            tile, cols(), delta.slab(s),
            by_sample_.data() + static_cast<Offset>(delta.first_line(s)) * line_samples * padded_cols_,
            padded_cols_, use.scale, s == 0 ? Output::set : Output::add, gradient);
      }
      if (use.step == nullptr) continue;
      own |= step_weights(*use.step, static_cast<Offset>(tile.begin) * cols(),
                          static_cast<Offset>(tile.end - tile.begin) * cols(), gradient, use.scale);
    }
    magnitudes |= own;
  });
  return magnitudes;
}

void DenseLayer::edit_weights(const LayerEdit& edit) {
  state_.values = without_neurons(state_.values, rows(), cols(), edit);
  for (auto& states : state_.value_states) states = without_neurons(states, rows(), cols(), edit);
  state_.topology.rows -= static_cast<Index>(edit.removed_rows.size());
  state_.topology.cols -= static_cast<Index>(edit.removed_cols.size());
  cut();
}

}  // namespace plexus
