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

/// What both ways of summing have in common: a buffer per layer, and sums of its parts under way.
template <class Value>
class BufferedExchange : public GradientExchange {
 public:
  explicit BufferedExchange(DistributedContext& ctx) : ctx_(ctx) {}

  void poll() override {
    for (auto& slot : slots_) {
      while (!slot.pending.empty() && slot.pending.back()->test()) slot.pending.pop_back();
    }
  }

  [[nodiscard]] Offset bytes_per_parameter() const override { return sizeof(Value); }
  [[nodiscard]] double take_seconds_waited() override { return std::exchange(seconds_waited_, 0.0); }

 protected:
  struct Slot {
    std::vector<Value> buffer;
    std::vector<std::unique_ptr<PendingSum>> pending;
  };

  [[nodiscard]] bool alone() const { return ctx_.size() == 1; }

  Slot& slot(std::size_t l) {
    if (slots_.size() <= l) slots_.resize(l + 1);
    return slots_[l];
  }

  void start_sum(Slot& slot, Offset first, Offset count) {
    slot.pending.push_back(
        ctx_.start_sum(std::span<Value>(slot.buffer)
                           .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count))));
  }

  void wait(Slot& slot) {
    if (slot.pending.empty()) return;
    Stopwatch watch;
    for (auto& sum : slot.pending) sum->wait();
    slot.pending.clear();
    seconds_waited_ += watch.lap();
  }

  /// Carries the gradient back through layer l into the buffer, and starts the sum of each part as soon as it
  /// is there. @param behind  values that stand behind the gradient and belong to its last part
  void backward_in_parts(Network& network, std::size_t l, const Batch& batch, double scale, Offset behind) {
    Slot& sum = slot(l);
    const Offset parameters = network.layer(l).parameters();
    const auto start_part = [&](Offset first, Offset count) {
      start_sum(sum, first, count + (first + count == parameters ? behind : 0));
      poll();
    };
    const GradientPartDone part_done = start_part;
    network.backward(l, batch, GradientUse<Value>{scale, sum.buffer.data(), nullptr, &part_done},
                     [this] { poll(); });
  }

 private:
  DistributedContext& ctx_;
  std::vector<Slot> slots_;
  double seconds_waited_ = 0;
};

/// Fixed-point sums. Each shard's gradient is rounded to a multiple of 2^-exponent and added as an integer,
/// so the sum depends neither on the order nor on who adds. The exponent belongs to the layer's state and
/// follows the largest gradient of the step before. Where the activations of a shard are so large that its
/// gradient might not fit, the unit is made coarser first; when that happens to one rank, the flag behind the
/// last parameter tells the others, and all compute the layer again with the coarser unit.
class ExactExchange final : public BufferedExchange<std::int64_t> {
 public:
  using BufferedExchange::BufferedExchange;

  void backward(Network& network, std::size_t l, const Batch& batch, Offset batch_shards,
                const OptimizerStep& step) override {
    const int shard_bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(batch_shards)));
    limit_ = std::ldexp(1.0, std::min(kernel_bits, 62 - shard_bits));
    Layer& layer = network.layer(l);
    if (alone()) {
      while (!fits(network, l, batch)) coarsen(layer, l);
      const double scale = std::ldexp(1.0, layer.gradient_exponent());
      follow(layer, network.backward(l, batch, ExactGradient{scale, nullptr, &step}, [] {}));
      return;
    }
    Slot& sum = slot(l);
    sum.buffer.resize(static_cast<std::size_t>(layer.parameters()) + 1);
    sum.buffer.back() = fits(network, l, batch) ? 0 : 1;
    const double scale = std::ldexp(1.0, layer.gradient_exponent());
    backward_in_parts(network, l, batch, scale, 1);
  }

  void finish(Network& network, std::size_t l, const Batch& batch, const OptimizerStep& step) override {
    if (alone()) return;
    Slot& sum = slot(l);
    Layer& layer = network.layer(l);
    wait(sum);
    while (sum.buffer.back() != 0) {
      coarsen(layer, l);
      sum.buffer.back() = fits(network, l, batch) ? 0 : 1;
      const double scale = std::ldexp(1.0, layer.gradient_exponent());
      network.weight_gradient(l, batch, ExactGradient{scale, sum.buffer.data()});
      start_sum(sum, 0, static_cast<Offset>(sum.buffer.size()));
      wait(sum);
    }
    follow(layer, layer.update(step, sum.buffer.data(), std::ldexp(1.0, layer.gradient_exponent())));
  }

 private:
  static constexpr int kernel_bits = 51;  ///< that the sum of one shard may have
  /// Of the largest sum over the batch: 10 more than a float, and 17 below what the kernels take, since
  /// products of the largest activations and output gradients exceed the largest sum.
  static constexpr int wanted_bits = 34;
  static constexpr int coarser_bits = 8;
  static constexpr int smallest_exponent = -100;  ///< 2^51 units are then beyond the largest float
  static constexpr int largest_exponent = 140;    ///< finer than the smallest float

  [[nodiscard]] bool fits(const Network& network, std::size_t l, const Batch& batch) const {
    return std::ldexp(network.gradient_bound(l, batch), network.layer(l).gradient_exponent()) < limit_;
  }

  static void coarsen(Layer& layer, std::size_t l) {
    if (layer.gradient_exponent() < smallest_exponent) {
      throw RanksFailed(
          ExitCode::fault,
          fmt::format("the gradient of layer {} is not finite. Lower optimizer.learning_rate, or "
                      "check the scaling of the data (data.scaling).",
                      l + 1));
    }
    layer.gradient_exponent(layer.gradient_exponent() - coarser_bits);
  }

  /// The unit becomes finer by one bit a step only: what made it coarser may come again.
  static void follow(Layer& layer, std::uint64_t magnitudes) {
    if (magnitudes == 0) return;
    const int spare_bits = wanted_bits - static_cast<int>(std::bit_width(magnitudes));
    layer.gradient_exponent(
        std::clamp(layer.gradient_exponent() + std::min(spare_bits, 1), smallest_exponent, largest_exponent));
  }

  double limit_ = 0;
};

/// Float sums in whatever order the ranks are added.
class FastExchange final : public BufferedExchange<Real> {
 public:
  using BufferedExchange::BufferedExchange;

  void backward(Network& network, std::size_t l, const Batch& batch, Offset,
                const OptimizerStep& step) override {
    if (alone()) {
      network.backward(l, batch, FastGradient{1.0, nullptr, &step}, [] {});
      return;
    }
    Slot& sum = slot(l);
    sum.buffer.resize(static_cast<std::size_t>(network.layer(l).parameters()));
    backward_in_parts(network, l, batch, 1.0, 0);
  }

  void finish(Network& network, std::size_t l, const Batch&, const OptimizerStep& step) override {
    if (alone()) return;
    Slot& sum = slot(l);
    wait(sum);
    network.layer(l).update(step, sum.buffer.data());
  }
};

}  // namespace

std::unique_ptr<GradientExchange> make_gradient_exchange(const std::string& exactness,
                                                         DistributedContext& ctx) {
  if (exactness == "fast") return std::make_unique<FastExchange>(ctx);
  return std::make_unique<ExactExchange>(ctx);
}

}  // namespace plexus
