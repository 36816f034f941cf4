#include "src/nn/layer.hpp"

#include <algorithm>
#include <array>

#include "src/nn/dense_layer.hpp"
#include "src/nn/sparse_layer.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Parameters whose gradient is converted at a time: small enough for the stack and the L1 cache.
constexpr Offset update_block = 1024;

}  // namespace

LayerView Layer::view(bool evolves) const {
  const bool sparse = kind() == LayerKind::sparse;
  return {rows(),
          cols(),
          sparse ? &state_.topology : nullptr,
          state_.values,
          state_.row_ids,
          state_.col_ids,
          state_.original_rows,
          state_.original_cols,
          evolves};
}

template <class Gradient>
void Layer::update_all(const Optimizer& optimizer, double rate, Gradient&& gradient) {
  Parameters weights{std::move(state_.values), std::move(state_.value_states)};
  Parameters biases{std::move(state_.biases), std::move(state_.bias_states)};
  const auto update = [&](Parameters& parameters, Offset first_gradient) {
    parallel_over(static_cast<Offset>(parameters.values.size()), update_block, [&](Offset begin, Offset end) {
      std::array<Real, update_block> block;
      for (Offset i = begin; i < end; i += update_block) {
        const Offset count = std::min(update_block, end - i);
        gradient(first_gradient + i, count, block.data());
        optimizer.update(parameters, i, i + count, block.data(), rate);
      }
    });
  };
  update(weights, 0);
  update(biases, static_cast<Offset>(weights.values.size()));
  state_.values = std::move(weights.values);
  state_.value_states = std::move(weights.states);
  state_.biases = std::move(biases.values);
  state_.bias_states = std::move(biases.states);
  weights_changed();
}

void Layer::update(const Optimizer& optimizer, const std::int64_t* gradient, double scale, double rate) {
  const double unit = 1.0 / scale;  // exact: a power of two
  update_all(optimizer, rate, [&](Offset first, Offset count, Real* out) {
    for (Offset i = 0; i < count; ++i)
      out[i] = static_cast<Real>(static_cast<double>(gradient[first + i]) * unit);
  });
}

void Layer::update(const Optimizer& optimizer, const Real* gradient, double rate) {
  update_all(optimizer, rate, [&](Offset first, Offset count, Real* out) {
    std::copy(gradient + first, gradient + first + count, out);
  });
}

void Layer::apply(const LayerEdit& edit) {
  edit_weights(edit);
  state_.biases = without(state_.biases, edit.removed_rows);
  for (auto& states : state_.bias_states) states = without(states, edit.removed_rows);
  state_.row_ids = without(state_.row_ids, edit.removed_rows);
  state_.col_ids = without(state_.col_ids, edit.removed_cols);
  weights_changed();
}

std::unique_ptr<Layer> make_layer(LayerSnapshot state, InputGradient input_gradient) {
  if (state.kind == LayerKind::dense) return std::make_unique<DenseLayer>(std::move(state));
  return std::make_unique<SparseLayer>(std::move(state), input_gradient);
}

}  // namespace plexus
