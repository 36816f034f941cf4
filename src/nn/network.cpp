#include "src/nn/network.hpp"

#include <algorithm>
#include <cmath>

#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Losses above this are counted as this: keeps the integer sum of 10^9 samples in range.
constexpr double largest_loss = 256.0;

void add(LossSum& sum, double loss) {
  if (!std::isfinite(loss)) ++sum.not_finite;
  sum.loss += std::llrint((loss < largest_loss ? loss : largest_loss) / loss_unit);
}

/// Calls f(first neuron, last neuron) on threads.
template <class F>
void over_neurons(const Slabs& slabs, F&& f) {
  parallel_over(slabs.neurons(), 64, [&](Offset begin, Offset end) {
    f(RowRange{static_cast<Index>(begin), static_cast<Index>(end)});
  });
}

Offset values_in(RowRange range) { return static_cast<Offset>(range.end - range.begin) * shard_samples; }

}  // namespace

Network::Network(const NetworkConfig& config, std::vector<LayerSnapshot> layers)
    : dropout_(config.dropout), loss_(LossRegistry::instance().make(config.loss, "network.loss")) {
  const std::size_t depth = layers.size();
  for (std::size_t l = 0; l < depth; ++l) {
    const bool last = l + 1 == depth;
    const ActivationOptions options{config.alpha, static_cast<Index>(l + 2)};
    activations_.push_back(ActivationRegistry::instance().make(
        last ? config.output_activation : config.activation,
        last ? "network.output_activation" : "network.activation", options));
    layers_.push_back(
        make_layer(std::move(layers[l]), l == 0 ? InputGradient::not_wanted : InputGradient::wanted));
  }
  work_.resize(depth);
}

const Slabs& Network::input_of(std::size_t l, const Batch& batch) const {
  return l == 0 ? batch.inputs : work_[l - 1].a;
}

void Network::forward(const Batch& batch, std::optional<DropoutKey> dropout) {
  masked_ = dropout.has_value() && dropout_ > 0;
  const Index shards = batch.inputs.shards();
  for (std::size_t l = 0; l < depth(); ++l) {
    Work& work = work_[l];
    layers_[l]->forward(input_of(l, batch), work.z);
    const Index neurons = work.z.neurons();
    work.a.resize(shards, neurons);
    const bool masked = masked_ && l + 1 < depth();
    if (masked) work.mask.resize(static_cast<std::size_t>(shards) * static_cast<std::size_t>(neurons));
    over_neurons(work.a, [&](RowRange range) {
      for (Index s = 0; s < shards; ++s) {
        activations_[l]->forward(work.z.at(s, range.begin), work.a.at(s, range.begin), values_in(range));
      }
      if (!masked) return;
      const RandomStream stream(dropout->seed, Purpose::dropout, static_cast<std::uint64_t>(dropout->epoch),
                                l);
      const auto threshold = static_cast<std::uint32_t>(std::ldexp(dropout_, 32));
      kernels().dropout_mask(range, layers_[l]->state().row_ids.data(), batch.sample_ids.data(), shards,
                             stream.key().data(), threshold, work.mask.data(), neurons);
      kernels().apply_mask(range, work.mask.data(), neurons, static_cast<Real>(1.0 / (1.0 - dropout_)),
                           {work.a.data(), work.a.stride()}, shards);
    });
  }
}

template <class OnSample>
LossSum Network::for_each_sample(const Batch& batch, OnSample&& on_sample) const {
  const Slabs& out = outputs();
  const Index classes = out.neurons();
  std::vector<Real> outputs_of_sample(static_cast<std::size_t>(classes));
  LossSum sum;
  for (Offset sample = 0; sample < batch.samples(); ++sample) {
    const auto shard = static_cast<Index>(sample / shard_samples);
    const auto lane = sample % shard_samples;
    for (Index c = 0; c < classes; ++c)
      outputs_of_sample[static_cast<std::size_t>(c)] = out.at(shard, c)[lane];
    const auto label = batch.labels[static_cast<std::size_t>(sample)];
    add(sum, on_sample(shard, lane, outputs_of_sample.data(), label));
    const auto largest = std::max_element(outputs_of_sample.begin(), outputs_of_sample.end());
    sum.correct += largest - outputs_of_sample.begin() == label ? 1 : 0;
  }
  return sum;
}

LossSum Network::loss(const Batch& batch) const {
  const Index classes = outputs().neurons();
  return for_each_sample(batch, [&](Index, Offset, const Real* outputs_of_sample, std::int32_t label) {
    return loss_->evaluate(outputs_of_sample, classes, label, nullptr);
  });
}

LossSum Network::loss_and_delta(const Batch& batch, double weight) {
  Work& last = work_.back();
  const Index classes = outputs().neurons();
  last.delta.resize(outputs().shards(), classes);
  std::fill(last.delta.data(), last.delta.data() + last.delta.shards() * last.delta.stride(), Real{0});
  std::vector<Real> delta(static_cast<std::size_t>(classes));
  const LossSum sum = for_each_sample(
      batch, [&](Index shard, Offset lane, const Real* outputs_of_sample, std::int32_t label) {
        const double loss = loss_->evaluate(outputs_of_sample, classes, label, delta.data());
        for (Index c = 0; c < classes; ++c) {
          last.delta.at(shard, c)[lane] = static_cast<Real>(delta[static_cast<std::size_t>(c)] * weight);
        }
        return loss;
      });
  activations_.back()->backward(last.z.data(), last.delta.data(), last.delta.shards() * last.delta.stride());
  return sum;
}

void Network::backward(const std::function<void(std::size_t)>& gradient_ready) {
  for (std::size_t l = depth(); l-- > 0;) {
    gradient_ready(l);
    if (l == 0) return;
    Work& before = work_[l - 1];
    layers_[l]->backward(work_[l].delta, before.delta);
    over_neurons(before.delta, [&](RowRange range) {
      if (masked_) {
        kernels().apply_mask(range, before.mask.data(), before.delta.neurons(),
                             static_cast<Real>(1.0 / (1.0 - dropout_)),
                             {before.delta.data(), before.delta.stride()}, before.delta.shards());
      }
      for (Index s = 0; s < before.delta.shards(); ++s) {
        activations_[l - 1]->backward(before.z.at(s, range.begin), before.delta.at(s, range.begin),
                                      values_in(range));
      }
    });
  }
}

GradientCheck Network::weight_gradient(std::size_t l, const Batch& batch, FixedPoint unit,
                                       std::int64_t* gradient) {
  return layers_[l]->gradient_exact(input_of(l, batch), work_[l].delta, unit, gradient);
}

void Network::weight_gradient(std::size_t l, const Batch& batch, Real* gradient) {
  layers_[l]->gradient_fast(input_of(l, batch), work_[l].delta, gradient);
}

}  // namespace plexus
