#include "mpi/gradient_exchange.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "mpi/collective_check.hpp"
#include "mpi/stopwatch.hpp"

namespace plexus {

namespace {

/// What both ways of summing have in common: one buffer and one sum under way per layer.
template <class Value>
class BufferedExchange : public GradientExchange {
 public:
  explicit BufferedExchange(DistributedContext& ctx) : ctx_(ctx) {}

  void poll() override {
    for (auto& slot : slots_) {
      if (slot.pending != nullptr && slot.pending->test()) slot.pending.reset();
    }
  }

  [[nodiscard]] Offset bytes_per_parameter() const override { return sizeof(Value); }

  [[nodiscard]] double take_seconds_waited() override { return std::exchange(seconds_waited_, 0.0); }

 protected:
  struct Slot {
    std::vector<Value> buffer;
    std::unique_ptr<PendingSum> pending;
  };

  Slot& slot(std::size_t l) {
    if (slots_.size() <= l) slots_.resize(l + 1);
    return slots_[l];
  }

  void start_sum(Slot& slot) {
    if (ctx_.size() > 1) slot.pending = ctx_.start_sum(std::span<Value>(slot.buffer));
  }

  void wait(Slot& slot) {
    if (slot.pending == nullptr) return;
    Stopwatch watch;
    slot.pending->wait();
    slot.pending.reset();
    seconds_waited_ += watch.lap();
  }

 private:
  DistributedContext& ctx_;
  std::vector<Slot> slots_;
  double seconds_waited_ = 0;
};

/// Fixed-point sums. Each shard's gradient is rounded to a multiple of 2^-exponent and added as an integer,
/// so the sum depends neither on the order nor on who adds. The exponent belongs to the layer's state and
/// follows the largest gradient of the step before; when a gradient does not fit all the same, the flag
/// behind the last parameter tells all ranks, and all repeat the layer with a coarser unit.
class ExactExchange final : public BufferedExchange<std::int64_t> {
 public:
  using BufferedExchange::BufferedExchange;

  void start(Network& network, std::size_t l, const Batch& batch, Offset batch_shards) override {
    batch_shards_ = batch_shards;
    compute(network, l, batch);
    start_sum(slot(l));
  }

  void finish(Network& network, std::size_t l, const Batch& batch, const Optimizer& optimizer,
              double rate) override {
    Slot& sum = slot(l);
    Layer& layer = network.layer(l);
    wait(sum);
    while (sum.buffer.back() != 0) {
      if (layer.gradient_exponent() < smallest_exponent) {
        throw RanksFailed(
            ExitCode::fault,
            fmt::format("the gradient of layer {} is not finite. Lower optimizer.learning_rate, or "
                        "check the scaling of the data (data.scaling).",
                        l + 1));
      }
      layer.gradient_exponent(layer.gradient_exponent() - repeat_step);
      compute(network, l, batch);
      start_sum(sum);
      wait(sum);
    }
    layer.update(optimizer, sum.buffer.data(), std::ldexp(1.0, layer.gradient_exponent()), rate);
    follow(layer, sum.buffer);
  }

 private:
  static constexpr int wanted_bits =
      40;  ///< of the largest sum: 16 more than a float, 11 below the limit of 2^51
  static constexpr int repeat_step = 24;
  static constexpr int smallest_exponent = -100;  ///< 2^51 units are then beyond the largest float
  static constexpr int largest_exponent = 140;    ///< finer than the smallest float

  void compute(Network& network, std::size_t l, const Batch& batch) {
    Slot& sum = slot(l);
    const Layer& layer = network.layer(l);
    sum.buffer.resize(static_cast<std::size_t>(layer.parameters()) + 1);
    const int shard_bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(batch_shards_)));
    const FixedPoint unit{std::ldexp(1.0, layer.gradient_exponent()),
                          std::ldexp(1.0, std::min(51, 62 - shard_bits))};
    const GradientCheck check = network.weight_gradient(l, batch, unit, sum.buffer.data());
    sum.buffer.back() = check == GradientCheck::ok ? 0 : 1;
  }

  static void follow(Layer& layer, const std::vector<std::int64_t>& sum) {
    std::uint64_t magnitudes = 0;
    for (const std::int64_t value : sum) magnitudes |= static_cast<std::uint64_t>(std::llabs(value));
    if (magnitudes == 0) return;
    const int exponent =
        layer.gradient_exponent() + wanted_bits - static_cast<int>(std::bit_width(magnitudes));
    layer.gradient_exponent(std::clamp(exponent, smallest_exponent, largest_exponent));
  }

  Offset batch_shards_ = 1;
};

/// Float sums in whatever order the ranks are added.
class FastExchange final : public BufferedExchange<Real> {
 public:
  using BufferedExchange::BufferedExchange;

  void start(Network& network, std::size_t l, const Batch& batch, Offset) override {
    Slot& sum = slot(l);
    sum.buffer.resize(static_cast<std::size_t>(network.layer(l).parameters()));
    network.weight_gradient(l, batch, sum.buffer.data());
    start_sum(sum);
  }

  void finish(Network& network, std::size_t l, const Batch&, const Optimizer& optimizer,
              double rate) override {
    Slot& sum = slot(l);
    wait(sum);
    network.layer(l).update(optimizer, sum.buffer.data(), rate);
  }
};

}  // namespace

std::unique_ptr<GradientExchange> make_gradient_exchange(const std::string& exactness,
                                                         DistributedContext& ctx) {
  if (exactness == "fast") return std::make_unique<FastExchange>(ctx);
  return std::make_unique<ExactExchange>(ctx);
}

}  // namespace plexus
