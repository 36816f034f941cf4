#include "src/nn/network.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

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

/// Blocks of work between two polls: about a hundred microseconds.
constexpr int calls_per_poll = 16;
/// Sets of slabs that go through the layers one after the other, so that what one needs of other parts
/// travels while others are computed.
constexpr Index most_sets = 4;

Offset values_in(RowRange neurons, Index lines) {
  return static_cast<Offset>(neurons.end - neurons.begin) * lines * line_samples;
}

}  // namespace

Network::Network(const NetworkConfig& config, std::vector<LayerSnapshot> layers)
    : Network(config, layers.size(), [&](std::size_t l) { return std::move(layers[l]); }) {}

Network::Network(const NetworkConfig& config, std::size_t depth, LayerSource layers)
    : dropout_(config.dropout),
      loss_(LossRegistry::instance().make(config.loss, "network.loss")),
      work_(depth),
      deltas_(depth) {
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
      deltas_(layers_.size()),
      part_(std::make_unique<NetworkPart>(parts)) {
  make_activations(config, depth());
  take_slices(slices, std::move(cuts));
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

const LevelCuts& Network::cuts() const {
  static const LevelCuts none;
  return part_ == nullptr ? none : part_->cuts();
}

Index Network::lines_per_slab() const {
  Index widest = 0;
  for (const auto& layer : layers_) widest = std::max({widest, layer->rows(), layer->cols()});
  for (const auto& level : cuts()) widest = std::max(widest, level.back());  // all parts alike
  return slab_lines_for(widest);
}

void Network::gather(Batch& batch, const Dataset& data, std::span<const std::int64_t> ids) const {
  if (part_ == nullptr) {
    batch.gather(data, ids, lines_per_slab());
    return;
  }
  const auto part = static_cast<std::size_t>(part_->parts().own());
  const std::vector<Index>& inputs = cuts().front();
  batch.inputs.surround(inputs[part], inputs.back() - inputs[part + 1]);
  batch.gather(data, ids, lines_per_slab(), part_->inputs_read());
}

void Network::settle() {
  if (part_ == nullptr) return;
  for (std::size_t l = 0; l < depth(); ++l) part_->receive_weights(l);
}

void Network::release_activations() {
  if (part_ != nullptr) part_->finish_halos();
  for (Work& work : work_) work = {};
  for (Slabs& delta : deltas_) delta = {};
}

NetworkPart::Traffic Network::take_traffic() {
  return part_ == nullptr ? NetworkPart::Traffic{} : part_->take_traffic();
}

const Slabs& Network::input_of(std::size_t l, const Batch& batch) const {
  return l == 0 ? batch.inputs : work_[l - 1].a;
}

Slabs& Network::z_of(std::size_t l) { return activations_[l]->sign_is_enough() ? work_[l].a : work_[l].z; }

std::uint16_t* Network::mask_of(std::size_t l, Index slab) {
  return work_[l].mask.data() + static_cast<Offset>(work_[l].a.first_line(slab)) * layers_[l]->rows();
}

void Network::forward(const Batch& batch, std::optional<DropoutKey> dropout) {
  masked_ = dropout.has_value() && dropout_ > 0;
  const Index slabs = batch.inputs.slabs();
  const int sets = part_ == nullptr ? 1 : std::clamp(slabs, 1, most_sets);
  for (std::size_t l = 0; l < depth(); ++l) {
    begin_forward(l, batch);
    for (int set = 0; set < sets; ++set) {
      const SlabRange some{static_cast<Index>(part_begin(slabs, set, sets)),
                           static_cast<Index>(part_begin(slabs, set + 1, sets))};
      if (part_ != nullptr && l > 0) part_->wait_for_activations(l - 1, some.end);
      forward(l, some, batch, dropout);
    }
  }
  if (part_ == nullptr) return;
  Halo& outputs = part_->activations(depth() - 1);
  static_cast<void>(outputs.poll());
  if (dropout.has_value() && bounds_wanted_) {
    input_magnitudes_ = batch.magnitudes;
    shared_.assign({&input_magnitudes_});
    for (std::size_t l = 0; l + 1 < depth(); ++l) shared_.push_back(&work_[l].a_magnitudes);
    part_->start_magnitudes(shared_, batch.inputs.shards());
  }
  part_->wait_for_activations(depth() - 1, slabs);
  if (!activations_.back()->sign_is_enough()) outputs.exchange(work_.back().z);
}

void Network::begin_forward(std::size_t l, const Batch& batch) {
  Work& work = work_[l];
  const Index lines = batch.inputs.lines();
  const Index lines_per_slab = batch.inputs.lines_per_slab();
  if (part_ != nullptr) {
    part_->receive_weights(l);
    Halo& halo = part_->activations(l);
    halo.begin(work.a, lines, lines_per_slab, Halo::Pieces::slabs);
    if (l + 1 == depth()) halo.surround(work.z);
  } else {
    work.a.resize(lines, layers_[l]->rows(), lines_per_slab);
  }
  work.a_magnitudes.reset(batch.inputs.shards());
  if (masked_ && l + 1 < depth())
    work.mask.resize(static_cast<std::size_t>(lines) * static_cast<std::size_t>(layers_[l]->rows()));
}

void Network::forward(std::size_t l, SlabRange slabs, const Batch& batch,
                      const std::optional<DropoutKey>& dropout) {
  Work& work = work_[l];
  const bool masked = masked_ && l + 1 < depth();
  const auto threshold = static_cast<std::uint32_t>(std::ldexp(dropout_, 32));
  const auto scale = static_cast<Real>(1.0 / (1.0 - dropout_));
  int calls = 0;
  Slabs& z = z_of(l);
  layers_[l]->forward_slabs(input_of(l, batch), z, slabs, [&](Index s, RowRange neurons) {
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
    if (dropout.has_value() && bounds_wanted_)
      kernels().largest_magnitudes(neurons, a, work.a_magnitudes.of_thread(work.a.first_shard(s)));
    if (part_ == nullptr) return;
    part_->activations(l).ready(s, neurons);
    if (thread_number() == 0 && ++calls % calls_per_poll == 0) part_->poll_forward(l);
  });
  if (part_ != nullptr) part_->poll_forward(l);
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
      for (std::size_t c = 0; c < classes; ++c) outputs_of_sample[c] = out.at(sample, static_cast<Index>(c));
      const auto label = batch.labels[static_cast<std::size_t>(sample)];
      add(sum, on_sample(sample, outputs_of_sample.data(), label));
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
  return over_samples(batch, [&](Offset, const Real* outputs_of_sample, std::int32_t label) {
    return loss_->evaluate(outputs_of_sample, classes, label, nullptr);
  });
}

LossSum Network::loss_and_delta(const Batch& batch, double weight) {
  Work& last = work_.back();
  Slabs& last_delta = delta_of(depth() - 1);
  const Index classes = outputs().neurons();
  if (part_ != nullptr) {
    // What levels of the last step sent from the same memory is gone.
    for (std::size_t l = 0; l + 1 < depth(); ++l) part_->gradients(l).finish();
    part_->activations(depth() - 1).surround(last_delta);
  }
  last_delta.resize(outputs().lines(), layers_.back()->rows(), outputs().lines_per_slab());
  last.delta_magnitudes.reset(outputs().shards());
  std::fill(last_delta.data(), last_delta.data() + last_delta.size(), Real{0});
  const LossSum sum =
      over_samples(batch, [&](Offset sample, const Real* outputs_of_sample, std::int32_t label) {
        thread_local std::vector<Real> delta;
        delta.resize(static_cast<std::size_t>(classes));
        const double loss = loss_->evaluate(outputs_of_sample, classes, label, delta.data());
        for (Index c = 0; c < classes; ++c) {
          last_delta.at(sample, c) =
              static_cast<Real>(static_cast<double>(delta[static_cast<std::size_t>(c)]) * weight);
        }
        return loss;
      });
  activations_.back()->backward(z_of(depth() - 1).data(), last_delta.data(), last_delta.size());
  for (Index s = 0; s < last_delta.slabs(); ++s) {
    kernels().largest_magnitudes({0, classes}, last_delta.slab(s),
                                 last.delta_magnitudes.of_thread(last_delta.first_shard(s)));
  }
  if (part_ != nullptr && bounds_wanted_) part_->finish_magnitudes();
  return sum;
}

void Network::begin_delta(std::size_t l, const Batch& batch) {
  work_[l].delta_magnitudes.reset(batch.inputs.shards());
  if (part_ == nullptr) return;
  const std::size_t replaced = l + 2;  // where two levels share their memory
  if (deltas_.size() < depth() && replaced + 1 < depth()) part_->gradients(replaced).finish();
  part_->gradients(l).begin(delta_of(l), batch.inputs.lines(), batch.inputs.lines_per_slab(),
                            Halo::Pieces::some_of_a_slab);
}

template <class Value>
std::uint64_t Network::backward(std::size_t l, const Batch& batch, const GradientUse<Value>& use,
                                FunctionRef<void()> poll) {
  const Slabs& x = input_of(l, batch);
  const Slabs& delta = delta_of(l);
  int calls = 0;
  const auto poll_sometimes = [&] {
    if (thread_number() != 0 || ++calls % calls_per_poll != 0) return;
    poll();
    if (part_ != nullptr) part_->poll_backward(l);
  };
  std::uint64_t magnitudes = 0;
  if (l == 0) {
    magnitudes = layers_[0]->backward(x, delta, nullptr, use, [&](Index, RowRange) { poll_sometimes(); });
  } else {
    begin_delta(l - 1, batch);
    Slabs& dx = delta_of(l - 1);
    ShardMagnitudes& largest = work_[l - 1].delta_magnitudes;
    const auto scale = static_cast<Real>(1.0 / (1.0 - dropout_));
    magnitudes = layers_[l]->backward(x, delta, &dx, use, [&](Index s, RowRange neurons) {
      const SlabView part = dx.own(s);
      if (masked_) kernels().apply_mask(neurons, mask_of(l - 1, s), scale, part);
      activations_[l - 1]->backward(z_of(l - 1).own(s).neuron(neurons.begin), part.neuron(neurons.begin),
                                    values_in(neurons, part.lines));
      if (bounds_wanted_) kernels().largest_magnitudes(neurons, part, largest.of_thread(dx.first_shard(s)));
      if (part_ != nullptr) part_->gradients(l - 1).ready(s, neurons);
      poll_sometimes();
    });
  }
  if (part_ != nullptr) finish_backward(l, x.shards(), use.step != nullptr);
  return magnitudes;
}

/// Weights are packed while the last gradients travel.
void Network::finish_backward(std::size_t l, Index shards, bool with_step) {
  if (l > 0) {
    static_cast<void>(part_->gradients(l - 1).poll());
    const std::array<ShardMagnitudes*, 1> level = {&work_[l - 1].delta_magnitudes};
    if (bounds_wanted_) part_->start_magnitudes(level, shards);
  }
  if (with_step) part_->send_weights(l);
  if (l > 0) {
    part_->wait_for_gradients(l - 1);
    if (bounds_wanted_) part_->finish_magnitudes();
  }
}

template <class Value>
void Network::weight_gradient(std::size_t l, const Batch& batch, const GradientUse<Value>& use) {
  ensure(deltas_.size() == depth(), "a gradient is computed again that was not said to be wanted");
  layers_[l]->backward(input_of(l, batch), delta_of(l), nullptr, use, [](Index, RowRange) {});
}

template std::uint64_t Network::backward(std::size_t, const Batch&, const ExactGradient&,
                                         FunctionRef<void()>);
template std::uint64_t Network::backward(std::size_t, const Batch&, const FastGradient&, FunctionRef<void()>);
template void Network::weight_gradient(std::size_t, const Batch&, const ExactGradient&);
template void Network::weight_gradient(std::size_t, const Batch&, const FastGradient&);

double Network::gradient_bound(std::size_t l, const Batch& batch) const {
  const ShardMagnitudes& inputs = part_ == nullptr ? batch.magnitudes : input_magnitudes_;
  const ShardMagnitudes& x = l == 0 ? inputs : work_[l - 1].a_magnitudes;
  const ShardMagnitudes& delta = work_[l].delta_magnitudes;
  double bound = 0;
  for (Index shard = 0; shard < batch.inputs.shards(); ++shard) {
    const double x_largest = std::max(1.0, static_cast<double>(x.largest(shard)));  // 1: the bias's input
    const double of_shard = shard_samples * x_largest * static_cast<double>(delta.largest(shard));
    if (!(of_shard <= bound))
      bound = std::isfinite(of_shard) ? of_shard : std::numeric_limits<double>::infinity();
  }
  return bound;
}

}  // namespace plexus
