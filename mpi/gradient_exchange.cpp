#include "mpi/gradient_exchange.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "mpi/block_ring.hpp"
#include "mpi/collective_check.hpp"
#include "mpi/stopwatch.hpp"

namespace plexus {

namespace {

/// Bytes of gradients that are under way at the same time; a network that has more waits for the first.
constexpr std::size_t bytes_under_way = std::size_t{8} << 20;

std::unique_ptr<SumQueue<std::int64_t>> make_sums(DistributedContext& ctx, std::int64_t) {
  return ctx.integer_sums(bytes_under_way);
}
std::unique_ptr<SumQueue<Real>> make_sums(DistributedContext& ctx, Real) {
  return ctx.float_sums(bytes_under_way);
}

/// What both ways of summing have in common. Parts of gradients go into a queue of sums; when it is full, and
/// at the end of the step, the oldest is waited for and its parameters are updated. No gradient is kept.
template <class Value>
class QueuedExchange : public GradientExchange {
 public:
  explicit QueuedExchange(DistributedContext& ctx)
      : sums_(ctx.size() > 1 ? make_sums(ctx, Value{}) : nullptr), parts_(BlockRing::most_blocks) {}

  void poll() override {
    if (!alone()) sums_->poll();
  }

  [[nodiscard]] double take_seconds_waited() override { return std::exchange(seconds_waited_, 0.0); }

 protected:
  /// The gradient of a layer on its way.
  struct Journey {
    Offset parts = 0;              ///< in the queue
    double scale = 1;              ///< units are 1 / scale
    Value flag = 0;                ///< travels behind each part
    bool flagged = false;          ///< a part came back with a flag, so that none is used
    std::uint64_t magnitudes = 0;  ///< what the updates returned
  };

  [[nodiscard]] bool alone() const { return sums_ == nullptr; }

  Journey& journey(std::size_t l) {
    if (journeys_.size() <= l) journeys_.resize(l + 1);
    return journeys_[l];
  }

  /// Makes the gradient of layer l with `backward(sink)`, whose parts go into the queue.
  template <class Backward>
  void send(Network& network, std::size_t l, const OptimizerStep& step, double scale, Value flag,
            Backward&& backward) {
    journey(l) = {0, scale, flag, false, 0};
    Sender sender(*this, network, l, step);
    backward(sender);
  }

  /// Waits until all parts of layer l have come back and been used.
  void receive(Network& network, std::size_t l, const OptimizerStep& step) {
    while (journey(l).parts > 0) take_oldest(network, step);
  }

 private:
  /// A part under way; one more value, the flag, follows it in the queue.
  struct Part {
    std::size_t layer;
    Offset first;
    Offset count;
  };

  class Sender final : public GradientSink<Value> {
   public:
    Sender(QueuedExchange& exchange, Network& network, std::size_t l, const OptimizerStep& step)
        : exchange_(exchange), network_(network), l_(l), step_(step) {}

    Value* part_begins(Offset first, Offset count) override {
      const auto length = static_cast<std::size_t>(count) + 1;
      while (!exchange_.sums_->has_room(length)) exchange_.take_oldest(network_, step_);
      const std::span<Value> room = exchange_.sums_->next(length);
      room.back() = exchange_.journey(l_).flag;
      exchange_.part(exchange_.sent_++) = {l_, first, count};
      ++exchange_.journey(l_).parts;
      return room.data();
    }

    void part_done() override {
      exchange_.sums_->start();
      exchange_.sums_->poll();
    }

   private:
    QueuedExchange& exchange_;
    Network& network_;
    std::size_t l_;
    const OptimizerStep& step_;
  };

  Part& part(std::size_t number) { return parts_[number % parts_.size()]; }

  void take_oldest(Network& network, const OptimizerStep& step) {
    Stopwatch watch;
    sums_->wait();
    seconds_waited_ += watch.lap();
    const Part part = this->part(received_++);
    Journey& journey = this->journey(part.layer);
    --journey.parts;
    Value flag;
    if (*sums_->values(static_cast<std::size_t>(part.count), 1, &flag) != 0) {
      journey.flagged = true;
    } else {
      const auto values = [&](Offset first, Offset count, Value* scratch) {
        return sums_->values(static_cast<std::size_t>(first - part.first), static_cast<std::size_t>(count),
                             scratch);
      };
      Layer& layer = network.layer(part.layer);
      if constexpr (std::is_same_v<Value, Real>) {
        layer.update(step, part.first, part.count, values);
      } else {
        journey.magnitudes |= layer.update(step, part.first, part.count, values, journey.scale);
      }
    }
    sums_->pop();
  }

  std::unique_ptr<SumQueue<Value>> sums_;  ///< null for a rank that trains alone
  std::vector<Part> parts_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  std::vector<Journey> journeys_;  ///< by layer
  double seconds_waited_ = 0;
};

/// Fixed-point sums. Each shard's gradient is rounded to a multiple of 2^-exponent and added as an integer,
/// so the sum depends neither on the order nor on who adds. The exponent belongs to the layer's state and
/// follows the largest gradient of the step before. Where the activations of a shard are so large that its
/// gradient might not fit, the unit is made coarser first; when that happens to one rank, the flag behind
/// each part tells the others, and all compute the layer again with the coarser unit.
class ExactExchange final : public QueuedExchange<std::int64_t> {
 public:
  using QueuedExchange::QueuedExchange;

  void backward(Network& network, std::size_t l, const Batch& batch, Offset batch_shards,
                const OptimizerStep& step) override {
    settle(network);
    const int shard_bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(batch_shards)));
    limit_ = std::ldexp(1.0, std::min(kernel_bits, 62 - shard_bits));
    Layer& layer = network.layer(l);
    if (alone()) {
      while (!fits(network, l, batch)) coarsen(layer, l);
      journey(l).magnitudes =
          network.backward(l, batch, ExactGradient{scale_of(layer), nullptr, &step}, [] {});
      return;
    }
    send(network, l, step, scale_of(layer), fits(network, l, batch) ? 0 : 1,
         [&](GradientSink<std::int64_t>& sink) {
           network.backward(l, batch, ExactGradient{scale_of(layer), nullptr, nullptr, &sink},
                            [this] { poll(); });
         });
  }

  void finish(Network& network, std::size_t l, const Batch& batch, const OptimizerStep& step) override {
    if (alone()) return;
    Layer& layer = network.layer(l);
    receive(network, l, step);
    while (journey(l).flagged) {
      coarsen(layer, l);
      send(network, l, step, scale_of(layer), fits(network, l, batch) ? 0 : 1,
           [&](GradientSink<std::int64_t>& sink) {
             network.weight_gradient(l, batch, ExactGradient{scale_of(layer), nullptr, nullptr, &sink});
           });
      receive(network, l, step);
    }
  }

  void end_step(Network& network) override {
    bits_.clear();
    for (std::size_t l = 0; l < network.depth(); ++l) bits_.push_back(std::bit_width(journey(l).magnitudes));
    network.start_maximum_over_parts(bits_);
  }

  void settle(Network& network) override {
    if (bits_.empty()) return;
    network.finish_maximum_over_parts(bits_);
    for (std::size_t l = 0; l < network.depth(); ++l) follow(network.layer(l), static_cast<int>(bits_[l]));
    bits_.clear();
  }

 private:
  static constexpr int kernel_bits = 51;  ///< that the sum of one shard may have
  /// Of the largest sum over the batch: 10 more than a float, and 17 below what the kernels take, since
  /// products of the largest activations and output gradients exceed the largest sum.
  static constexpr int wanted_bits = 34;
  static constexpr int coarser_bits = 8;
  static constexpr int smallest_exponent = -100;  ///< 2^51 units are then beyond the largest float
  static constexpr int largest_exponent = 140;    ///< finer than the smallest float

  [[nodiscard]] static double scale_of(const Layer& layer) {
    return std::ldexp(1.0, layer.gradient_exponent());
  }

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
  /// @param bits  of the largest magnitude
  static void follow(Layer& layer, int bits) {
    if (bits == 0) return;
    const int spare_bits = wanted_bits - bits;
    layer.gradient_exponent(
        std::clamp(layer.gradient_exponent() + std::min(spare_bits, 1), smallest_exponent, largest_exponent));
  }

  double limit_ = 0;
  std::vector<std::int64_t> bits_;  ///< by layer, of the last step; empty once the layers follow them
};

/// Float sums in an order that depends on the number of ranks.
class FastExchange final : public QueuedExchange<Real> {
 public:
  using QueuedExchange::QueuedExchange;

  void backward(Network& network, std::size_t l, const Batch& batch, Offset,
                const OptimizerStep& step) override {
    if (alone()) {
      network.backward(l, batch, FastGradient{1.0, nullptr, &step}, [] {});
      return;
    }
    send(network, l, step, 1.0, 0, [&](GradientSink<Real>& sink) {
      network.backward(l, batch, FastGradient{1.0, nullptr, nullptr, &sink}, [this] { poll(); });
    });
  }

  void finish(Network& network, std::size_t l, const Batch&, const OptimizerStep& step) override {
    if (!alone()) receive(network, l, step);
  }

  void end_step(Network&) override {}
  void settle(Network&) override {}
};

}  // namespace

Offset exchanged_bytes(const std::string& exactness) {
  return exactness == "fast" ? sizeof(Real) : sizeof(std::int64_t);
}

Offset exchange_memory() { return bytes_under_way; }

std::unique_ptr<GradientExchange> make_gradient_exchange(const std::string& exactness,
                                                         DistributedContext& ctx) {
  if (exactness == "fast") return std::make_unique<FastExchange>(ctx);
  return std::make_unique<ExactExchange>(ctx);
}

}  // namespace plexus
