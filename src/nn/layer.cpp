#include "src/nn/layer.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include "src/nn/dense_layer.hpp"
#include "src/nn/sparse_layer.hpp"
#include "src/support/error.hpp"
#include "src/support/multiversion.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Parameters whose gradient is converted at a time: small enough for the stack and the L1 cache.
constexpr Offset step_block = 1024;

/// @return the bitwise or of all magnitudes
PLEXUS_MULTIVERSION std::uint64_t to_real(const std::int64_t* gradient, double unit, Offset count,
                                          Real* out) {
  std::uint64_t magnitudes = 0;
  for (Offset i = 0; i < count; ++i) {
    const std::int64_t g = gradient[i];
    magnitudes |= static_cast<std::uint64_t>(g < 0 ? -g : g);
    out[i] = static_cast<Real>(static_cast<double>(g) * unit);
  }
  return magnitudes;
}

std::uint64_t step_block_of(const OptimizerStep& step, const ParameterBlock& block,
                            const std::int64_t* gradient, double scale) {
  std::array<Real, step_block> real;
  const std::uint64_t magnitudes =
      to_real(gradient, 1.0 / scale, block.count, real.data());  // exact: powers of two
  step.optimizer.update(block, real.data(), step.rate);
  return magnitudes;
}

std::uint64_t step_block_of(const OptimizerStep& step, const ParameterBlock& block, const Real* gradient,
                            double) {
  step.optimizer.update(block, gradient, step.rate);
  return 0;
}

void bias_gradient(RowRange rows, ConstSlabView delta, double scale, Output output, std::int64_t* gradient) {
  kernels().bias_gradient_exact(rows, delta, scale, output, gradient);
}

void bias_gradient(RowRange rows, ConstSlabView delta, double, Output output, Real* gradient) {
  kernels().bias_gradient_fast(rows, delta, output, gradient);
}

}  // namespace

ParameterBlock block_of(std::vector<Real>& values, std::vector<std::vector<Real>>& states, Offset first,
                        Offset count) {
  ParameterBlock block{values.data() + first, {}, count};
  for (std::size_t i = 0; i < states.size(); ++i) block.states.at(i) = states[i].data() + first;
  return block;
}

LayerView Layer::view(bool evolves) {
  sort_weights();
  LayerView view = view_of_pattern(evolves);
  view.values = state_.values;
  return view;
}

LayerView Layer::view_of_pattern(bool evolves) const {
  const bool sparse = kind() == LayerKind::sparse;
  return {rows(),
          cols(),
          sparse ? &state_.topology : nullptr,
          {},
          state_.row_ids,
          state_.col_ids,
          state_.original_rows,
          state_.original_cols,
          evolves};
}

template <class Value>
std::uint64_t Layer::step_weights(const OptimizerStep& step, Offset first, Offset count,
                                  const Value* gradient, double scale) {
  std::uint64_t magnitudes = 0;
  for (Offset done = 0; done < count; done += step_block) {
    const Offset size = std::min(step_block, count - done);
    magnitudes |= step_block_of(step, weights(first + done, size), gradient + done, scale);
  }
  return magnitudes;
}

template <class Value>
std::uint64_t Layer::step_biases(const OptimizerStep& step, RowRange rows, const Value* gradient,
                                 double scale) {
  std::uint64_t magnitudes = 0;
  for (Offset first = rows.begin; first < rows.end; first += step_block) {
    const Offset size = std::min(step_block, rows.end - first);
    magnitudes |= step_block_of(step, block_of(state_.biases, state_.bias_states, first, size),
                                gradient + (first - rows.begin), scale);
  }
  return magnitudes;
}

template <class Value>
void Layer::sum_biases(const Slabs& delta, SlabRange slabs, RowRange rows, double scale, Value* out) {
  for (Index s = slabs.begin; s < slabs.end; ++s)
    bias_gradient(rows, delta.own(s), scale, s == slabs.begin ? Output::set : Output::add, out);
}

template <class Value>
std::uint64_t Layer::biases(const Slabs& delta, RowRange rows, const GradientUse<Value>& use, Value* out) {
  thread_local std::vector<Value> sums;
  if (out == nullptr) {
    sums.resize(std::max(sums.size(), static_cast<std::size_t>(rows.end - rows.begin)));
    out = sums.data();
  }
  sum_biases(delta, {0, delta.slabs()}, rows, use.scale, out);
  return use.step != nullptr ? step_biases(*use.step, rows, out, use.scale) : 0;
}

void Layer::cut_gradient(const std::vector<Offset>& weight_cuts) {
  parts_.clear();
  for (std::size_t i = 0; i + 1 < weight_cuts.size(); ++i) {
    parts_.push_back({weight_cuts[i], weight_cuts[i + 1] - weight_cuts[i], {0, 0}});
  }
  if (parts_.back().count + rows() <= part_values) {
    parts_.back().count += rows();
    parts_.back().biases = {0, rows()};
    return;
  }
  const auto parts = static_cast<int>((rows() + part_values - 1) / part_values);
  for (int i = 0; i < parts; ++i) {
    const auto begin = static_cast<Index>(part_begin(rows(), i, parts));
    const auto end = static_cast<Index>(part_begin(rows(), i + 1, parts));
    parts_.push_back({connections() + begin, end - begin, {begin, end}});
  }
}

template <class Value>
std::uint64_t Layer::no_samples(const GradientUse<Value>& use) const {
  ensure(use.step == nullptr, "a step without samples");
  if (use.out != nullptr) std::fill_n(use.out, parameters(), Value{0});
  if (use.sink == nullptr) return 0;
  for (const Part& part : parts_) {
    std::fill_n(use.sink->part_begins(part.first, part.count), part.count, Value{0});
    use.sink->part_done();
  }
  return 0;
}

template std::uint64_t Layer::step_weights(const OptimizerStep&, Offset, Offset, const std::int64_t*, double);
template std::uint64_t Layer::step_weights(const OptimizerStep&, Offset, Offset, const Real*, double);
template void Layer::sum_biases(const Slabs&, SlabRange, RowRange, double, std::int64_t*);
template void Layer::sum_biases(const Slabs&, SlabRange, RowRange, double, Real*);
template std::uint64_t Layer::biases(const Slabs&, RowRange, const ExactGradient&, std::int64_t*);
template std::uint64_t Layer::biases(const Slabs&, RowRange, const FastGradient&, Real*);
template std::uint64_t Layer::no_samples(const ExactGradient&) const;
template std::uint64_t Layer::no_samples(const FastGradient&) const;

template <class Value>
std::uint64_t Layer::update_range(const OptimizerStep& step, Offset first, Offset count,
                                  GradientValues<Value> gradient, double scale) {
  before_steps();
  std::atomic<std::uint64_t> magnitudes = 0;
  parallel_over(count, 4 * step_block, [&](Offset begin, Offset end) {
    std::array<Value, step_block> scratch;
    std::uint64_t own = 0;
    for (Offset place = first + begin; place < first + end;) {
      // A block has weights or biases.
      const Offset kind_end = place < connections() ? connections() : parameters();
      const Offset size = std::min({step_block, first + end - place, kind_end - place});
      const Value* values = gradient(place, size, scratch.data());
      if (place < connections()) {
        own |= step_weights(step, place, size, values, scale);
      } else {
        const auto row = static_cast<Index>(place - connections());
        own |= step_biases(step, {row, static_cast<Index>(row + size)}, values, scale);
      }
      place += size;
    }
    magnitudes |= own;
  });
  return magnitudes;
}

std::uint64_t Layer::update(const OptimizerStep& step, Offset first, Offset count,
                            GradientValues<std::int64_t> gradient, double scale) {
  return update_range(step, first, count, gradient, scale);
}

std::uint64_t Layer::update(const OptimizerStep& step, Offset first, Offset count,
                            GradientValues<Real> gradient) {
  return update_range(step, first, count, gradient, 1.0);
}

void Layer::apply(const LayerEdit& edit) {
  edit_weights(edit);
  state_.biases = without(state_.biases, edit.removed_rows);
  for (auto& states : state_.bias_states) states = without(states, edit.removed_rows);
  state_.row_ids = without(state_.row_ids, edit.removed_rows);
  state_.col_ids = without(state_.col_ids, edit.removed_cols);
}

std::unique_ptr<Layer> make_layer(LayerSnapshot state) {
  if (state.kind == LayerKind::dense) return std::make_unique<DenseLayer>(std::move(state));
  return std::make_unique<SparseLayer>(std::move(state));
}

}  // namespace plexus
