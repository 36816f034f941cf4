#include "src/nn/network.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "src/support/error.hpp"
#include "src/support/hash.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Losses above this are counted as this: keeps the integer sum of 10^9 samples in range.
constexpr double largest_loss = 256.0;

void add(LossSum& sum, double loss) {
  if (!std::isfinite(loss)) ++sum.not_finite;
  sum.loss += std::llrint((loss < largest_loss ? loss : largest_loss) / loss_unit);
}

/// Magnitudes as numbers of the same order; what is not a number is beyond infinity.
std::int64_t order_of(Real magnitude) { return static_cast<std::int64_t>(bits_of(magnitude)); }
Real magnitude_of(std::int64_t order) {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<Real>(static_cast<Bits>(order));
}

Offset values_in(RowRange neurons, Index lines) {
  return static_cast<Offset>(neurons.end - neurons.begin) * lines * line_samples;
}

}  // namespace

Network::Network(const NetworkConfig& config, std::vector<LayerSnapshot> layers)
    : Network(config, layers.size(), [&](std::size_t l) { return std::move(layers[l]); }) {}

Network::Network(const NetworkConfig& config, std::size_t depth, LayerSource layers)
    : dropout_(config.dropout),
      loss_(LossRegistry::instance().make(config.loss, "network.loss")),
      work_(depth) {
  make_activations(config, depth);
  for (std::size_t l = 0; l < depth; ++l) layers_.push_back(make_layer(layers(l)));
}

Network::Network(const NetworkConfig& config, std::vector<LayerSnapshot> slices, Parts& parts, LevelCuts cuts)
    : Network(
          config, [&](std::size_t l) { return std::move(slices[l]); }, parts, std::move(cuts)) {}

Network::Network(const NetworkConfig& config, LayerSource slices, Parts& parts, LevelCuts cuts)
    : dropout_(config.dropout),
      layers_(cuts.size() - 1),
      loss_(LossRegistry::instance().make(config.loss, "network.loss")),
      work_(layers_.size()),
      parts_(&parts),
      slices_(layers_.size()) {
  make_activations(config, depth());
  take_slices(slices, std::move(cuts));
}

void Network::take_slices(LayerSource slices, LevelCuts cuts) {
  count_traffic();
  weights_sent_.assign(depth(), false);
  for (std::size_t l = 0; l < depth(); ++l) {
    LayerSnapshot snapshot = slices(l);
    layers_[l].reset();
    // Every part has the whole samples, and computes the loss from all outputs.
    auto slice = std::make_unique<SlicedLayer>(*parts_, std::move(snapshot), LayerCuts{cuts[l + 1], cuts[l]},
                                               l == 0, l + 1 == depth());
    slices_[l] = slice.get();
    layers_[l] = std::move(slice);
  }
  reconnect(std::move(cuts));
}

void Network::make_activations(const NetworkConfig& config, std::size_t depth) {
  for (std::size_t l = 0; l < depth; ++l) {
    const bool last = l + 1 == depth;
    const ActivationOptions options{config.alpha, static_cast<Index>(l + 2)};
    activations_.push_back(ActivationRegistry::instance().make(
        last ? config.output_activation : config.activation,
        last ? "network.output_activation" : "network.activation", options));
  }
}

void Network::reconnect(LevelCuts cuts) {
  cuts_ = std::move(cuts);
  count_traffic();
  activation_halos_.clear();
  gradient_halos_.clear();
  for (std::size_t l = 0; l < depth(); ++l) {
    const bool last = l + 1 == depth();
    const std::vector<Index>& outputs = last ? slices_[l]->held_rows() : slices_[l + 1]->held_cols();
    const Halo& activations =
        *activation_halos_.emplace_back(std::make_unique<Halo>(*parts_, cuts_[l + 1], outputs));
    activations.surround(work_[l].a);
    if (last) {
      activations.surround(work_[l].z);
      activations.surround(work_[l].delta);
    } else {
      const Halo& gradients = *gradient_halos_.emplace_back(
          std::make_unique<Halo>(*parts_, cuts_[l + 1], slices_[l]->held_rows()));
      gradients.surround(work_[l].delta);
    }
  }
}

Index Network::lines_per_slab() const {
  Index widest = 0;
  for (const auto& layer : layers_) widest = std::max({widest, layer->rows(), layer->cols()});
  for (const auto& level : cuts_) widest = std::max(widest, level.back());  // all parts alike
  return slab_lines_for(widest);
}

void Network::gather(Batch& batch, const Dataset& data, std::span<const std::int64_t> ids) const {
  if (parts_ != nullptr) {
    const auto part = static_cast<std::size_t>(parts_->own());
    batch.inputs.surround(cuts_[0][part], cuts_[0].back() - cuts_[0][part + 1]);
  }
  batch.gather(data, ids, lines_per_slab());
}

void Network::send_weights(std::size_t l) {
  if (parts_ == nullptr) return;
  slices_[l]->send_weights();
  weights_sent_[l] = true;
}

void Network::receive_weights(std::size_t l) {
  if (parts_ == nullptr || !weights_sent_[l]) return;
  slices_[l]->receive_weights();
  weights_sent_[l] = false;
}

void Network::settle() {
  for (std::size_t l = 0; l < depth(); ++l) receive_weights(l);
}

Network::Traffic Network::take_traffic() {
  count_traffic();
  return std::exchange(traffic_, {});
}

void Network::count_traffic() {
  for (const auto& halo : activation_halos_) traffic_.halo += halo->take_bytes_received();
  for (const auto& halo : gradient_halos_) traffic_.halo += halo->take_bytes_received();
  for (SlicedLayer* slice : slices_) {
    if (slice != nullptr) traffic_.weights += slice->take_bytes_received();
  }
}

void Network::share_magnitudes(std::span<LineMagnitudes* const> levels, Index lines) {
  if (parts_ == nullptr || !bounds_wanted_) return;
  magnitudes_.clear();
  for (const LineMagnitudes* level : levels) {
    for (Index line = 0; line < lines; ++line) magnitudes_.push_back(order_of(level->largest(line)));
  }
  parts_->maximum(magnitudes_);
  auto shared = magnitudes_.begin();
  for (LineMagnitudes* level : levels) {
    for (Index line = 0; line < lines; ++line) level->of_thread(line)[0] = magnitude_of(*shared++);
  }
}

const Slabs& Network::input_of(std::size_t l, const Batch& batch) const {
  return l == 0 ? batch.inputs : work_[l - 1].a;
}

Slabs& Network::z_of(std::size_t l) { return activations_[l]->sign_is_enough() ? work_[l].a : work_[l].z; }

std::uint16_t* Network::mask_of(std::size_t l, Index slab) {
  return work_[l].mask.data() + static_cast<Offset>(work_[l].a.first_line(slab)) * layers_[l]->rows();
}

void Network::forward(const Batch& batch, std::optional<DropoutKey> dropout) {
  const bool training = dropout.has_value();
  masked_ = training && dropout_ > 0;
  const Index lines = batch.inputs.lines();
  const auto threshold = static_cast<std::uint32_t>(std::ldexp(dropout_, 32));
  const auto scale = static_cast<Real>(1.0 / (1.0 - dropout_));
  for (std::size_t l = 0; l < depth(); ++l) {
    Work& work = work_[l];
    receive_weights(l);
    work.a.resize(lines, layers_[l]->rows(), batch.inputs.lines_per_slab());
    work.a_magnitudes.reset(lines);
    const bool masked = masked_ && l + 1 < depth();
    if (masked)
      work.mask.resize(static_cast<std::size_t>(lines) * static_cast<std::size_t>(layers_[l]->rows()));
    Slabs& z = z_of(l);
    layers_[l]->forward(input_of(l, batch), z, [&](Index s, RowRange neurons) {
      const SlabView a = work.a.own(s);
      activations_[l]->forward(z.own(s).neuron(neurons.begin), a.neuron(neurons.begin),
                               values_in(neurons, a.lines));
      if (masked) {
        const RandomStream stream(dropout->seed, Purpose::dropout, static_cast<std::uint64_t>(dropout->epoch),
                                  l);
        kernels().dropout_mask(
            neurons, layers_[l]->row_ids().data(),
            batch.sample_ids.data() + static_cast<Offset>(work.a.first_line(s)) * line_samples, a.lines,
            stream.key().data(), threshold, mask_of(l, s));
        kernels().apply_mask(neurons, mask_of(l, s), scale, a);
      }
      if (training && bounds_wanted_)
        kernels().largest_magnitudes(neurons, a, work.a_magnitudes.of_thread(work.a.first_line(s)));
    });
    if (parts_ == nullptr) continue;
    activation_halos_[l]->start(work.a);
    activation_halos_[l]->finish();
    if (l + 1 == depth() && !activations_[l]->sign_is_enough()) {
      activation_halos_[l]->start(work.z);
      activation_halos_[l]->finish();
    }
  }
}

template <class OnSample>
LossSum Network::over_samples(const Batch& batch, OnSample&& on_sample) {
  const Slabs& out = outputs();
  const auto classes = static_cast<std::size_t>(out.neurons());
  std::atomic<std::int64_t> loss = 0;
  std::atomic<std::int64_t> correct = 0;
  std::atomic<std::int64_t> not_finite = 0;
  parallel_over(batch.samples(), shard_samples, [&](Offset begin, Offset end) {
    thread_local std::vector<Real> outputs_of_sample;
    outputs_of_sample.resize(classes);
    LossSum sum;
    for (Offset sample = begin; sample < end; ++sample) {
      const auto line = static_cast<Index>(sample / line_samples);
      const Offset lane = sample % line_samples;
      for (std::size_t c = 0; c < classes; ++c)
        outputs_of_sample[c] = out.at(line, static_cast<Index>(c))[lane];
      const auto label = batch.labels[static_cast<std::size_t>(sample)];
      add(sum, on_sample(line, lane, outputs_of_sample.data(), label));
      const auto largest = std::max_element(outputs_of_sample.begin(), outputs_of_sample.end());
      sum.correct += largest - outputs_of_sample.begin() == label ? 1 : 0;
    }
    loss += sum.loss;
    correct += sum.correct;
    not_finite += sum.not_finite;
  });
  return {loss, correct, not_finite};
}

LossSum Network::loss(const Batch& batch) {
  const Index classes = outputs().neurons();
  return over_samples(batch, [&](Index, Offset, const Real* outputs_of_sample, std::int32_t label) {
    return loss_->evaluate(outputs_of_sample, classes, label, nullptr);
  });
}

LossSum Network::loss_and_delta(const Batch& batch, double weight) {
  Work& last = work_.back();
  const Index classes = outputs().neurons();
  last.delta.resize(outputs().lines(), layers_.back()->rows(), outputs().lines_per_slab());
  last.delta_magnitudes.reset(outputs().lines());
  std::fill(last.delta.data(), last.delta.data() + last.delta.size(), Real{0});
  const LossSum sum =
      over_samples(batch, [&](Index line, Offset lane, const Real* outputs_of_sample, std::int32_t label) {
        thread_local std::vector<Real> delta;
        delta.resize(static_cast<std::size_t>(classes));
        const double loss = loss_->evaluate(outputs_of_sample, classes, label, delta.data());
        for (Index c = 0; c < classes; ++c) {
          last.delta.at(line, c)[lane] =
              static_cast<Real>(static_cast<double>(delta[static_cast<std::size_t>(c)]) * weight);
        }
        return loss;
      });
  activations_.back()->backward(z_of(depth() - 1).data(), last.delta.data(), last.delta.size());
  for (Index s = 0; s < last.delta.slabs(); ++s) {
    kernels().largest_magnitudes({0, classes}, last.delta.slab(s),
                                 last.delta_magnitudes.of_thread(last.delta.first_line(s)));
  }
  if (parts_ != nullptr && bounds_wanted_) {
    std::vector<LineMagnitudes*> hidden;
    for (std::size_t l = 0; l + 1 < depth(); ++l) hidden.push_back(&work_[l].a_magnitudes);
    share_magnitudes(hidden, outputs().lines());
  }
  return sum;
}

template <class Value>
std::uint64_t Network::backward(std::size_t l, const Batch& batch, const GradientUse<Value>& use,
                                FunctionRef<void()> poll) {
  const Slabs& x = input_of(l, batch);
  const Slabs& delta = work_[l].delta;
  // About a hundred microseconds of work between two polls.
  constexpr int calls_per_poll = 16;
  int calls = 0;
  const auto poll_sometimes = [&] {
    if (thread_number() == 0 && ++calls % calls_per_poll == 0) poll();
  };
  if (l == 0) return layers_[0]->backward(x, delta, nullptr, use, [&](Index, RowRange) { poll_sometimes(); });
  Work& before = work_[l - 1];
  before.delta_magnitudes.reset(x.lines());
  const auto scale = static_cast<Real>(1.0 / (1.0 - dropout_));
  const std::uint64_t magnitudes =
      layers_[l]->backward(x, delta, &before.delta, use, [&](Index s, RowRange neurons) {
        const SlabView part = before.delta.own(s);
        if (masked_) kernels().apply_mask(neurons, mask_of(l - 1, s), scale, part);
        activations_[l - 1]->backward(z_of(l - 1).own(s).neuron(neurons.begin), part.neuron(neurons.begin),
                                      values_in(neurons, part.lines));
        if (bounds_wanted_)
          kernels().largest_magnitudes(neurons, part,
                                       before.delta_magnitudes.of_thread(before.delta.first_line(s)));
        poll_sometimes();
      });
  if (parts_ != nullptr) {
    gradient_halos_[l - 1]->start(before.delta);
    const std::array<LineMagnitudes*, 1> level = {&before.delta_magnitudes};
    share_magnitudes(level, x.lines());
    gradient_halos_[l - 1]->finish();
  }
  return magnitudes;
}

template <class Value>
void Network::weight_gradient(std::size_t l, const Batch& batch, const GradientUse<Value>& use) {
  layers_[l]->backward(input_of(l, batch), work_[l].delta, nullptr, use, [](Index, RowRange) {});
}

template std::uint64_t Network::backward(std::size_t, const Batch&, const ExactGradient&,
                                         FunctionRef<void()>);
template std::uint64_t Network::backward(std::size_t, const Batch&, const FastGradient&, FunctionRef<void()>);
template void Network::weight_gradient(std::size_t, const Batch&, const ExactGradient&);
template void Network::weight_gradient(std::size_t, const Batch&, const FastGradient&);

double Network::gradient_bound(std::size_t l, const Batch& batch) const {
  const LineMagnitudes& x = l == 0 ? batch.magnitudes : work_[l - 1].a_magnitudes;
  const LineMagnitudes& delta = work_[l].delta_magnitudes;
  double bound = 0;
  for (Index first = 0; first < work_[l].delta.lines(); first += shard_lines) {
    double x_largest = 1;  // the bias's input
    double delta_largest = 0;
    for (Index line = first; line < std::min(first + shard_lines, work_[l].delta.lines()); ++line) {
      x_largest = std::max(x_largest, static_cast<double>(x.largest(line)));
      delta_largest = std::max(delta_largest, static_cast<double>(delta.largest(line)));
    }
    const double of_shard = shard_samples * x_largest * delta_largest;
    if (!(of_shard <= bound))
      bound = std::isfinite(of_shard) ? of_shard : std::numeric_limits<double>::infinity();
  }
  return bound;
}

}  // namespace plexus
