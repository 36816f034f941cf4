#include "mpi/measured_network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/gradient_exchange.hpp"
#include "mpi/shared_sums.hpp"
#include "mpi/stopwatch.hpp"
#include "src/nn/layer.hpp"
#include "src/support/error.hpp"
#include "src/support/median.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// How long each figure is measured, and how often at least and at most.
constexpr double measured_seconds = 0.05;
constexpr double fewest_turns = 3;
constexpr double most_turns = 1000;
constexpr std::array<std::size_t, 4> sums_of_parts = {2, 8, 32, 128};
/// Messages that are under way together, as those of a level's slabs are: short ones, and such as carry the
/// values of some hundred neurons.
constexpr int messages_together = 16;
constexpr std::size_t short_bytes = 64;
constexpr std::size_t long_bytes = std::size_t{128} << 10;
constexpr std::size_t agreed_values = 8;
constexpr std::size_t part_values = Layer::part_values;
/// Values that a backward pass writes at a time, between two stretches of computing.
constexpr std::size_t piece_values = 1024;
constexpr std::size_t pieces = part_values / piece_values;

using Sums = SumQueue<std::int64_t>;

/// Collective. Seconds of `work` on this rank; all ranks begin together.
template <class F>
double seconds_of(DistributedContext& ctx, F&& work) {
  ctx.barrier();
  Stopwatch watch;
  work();
  return watch.lap();
}

/// Collective. Seconds of each turn of `work` on this rank, after one that warms up: turns enough to spread
/// over `measured_seconds`, as how fast processors and links are changes from moment to moment.
/// @param work  returns what a turn has measured
template <class F>
auto measured_turns(DistributedContext& ctx, F&& work) {
  const double once = largest(ctx, seconds_of(ctx, [&] { work(); }));
  const auto turns = static_cast<int>(std::clamp(measured_seconds / once, fewest_turns, most_turns));
  std::vector<decltype(work())> found;
  for (int turn = 0; turn < turns; ++turn) found.push_back(work());
  return found;
}

/// Collective. Median of the seconds of `work`, of the slowest rank.
template <class F>
double typical_seconds(DistributedContext& ctx, F&& work) {
  return largest(ctx, median(measured_turns(ctx, [&] { return seconds_of(ctx, work); })));
}

/// Reads the oldest sum as an update of parameters does, and forgets it.
void take_oldest(Sums& sums, std::size_t count) {
  sums.wait();
  parallel_over(static_cast<Offset>(count), 4096, [&](Offset begin, Offset end) {
    std::array<std::int64_t, 1024> scratch;
    for (Offset first = begin; first < end; first += static_cast<Offset>(scratch.size())) {
      const auto size =
          static_cast<std::size_t>(std::min<Offset>(static_cast<Offset>(scratch.size()), end - first));
      const std::int64_t* values = sums.values(static_cast<std::size_t>(first), size, scratch.data());
      if (values != scratch.data()) std::copy_n(values, size, scratch.data());
    }
  });
  sums.pop();
}

/// Collective. Sums of the parts of a gradient; `beside(piece)` is called before each piece of a part is
/// written.
template <class F>
void sum_parts(Sums& sums, std::size_t parts, F&& beside) {
  std::size_t taken = 0;
  for (std::size_t sent = 0; sent < parts; ++sent) {
    for (; !sums.has_room(part_values); ++taken) take_oldest(sums, part_values);
    const std::span<std::int64_t> part = sums.next(part_values);
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      beside(piece);
      std::ranges::fill(part.subspan(piece * piece_values, piece_values), std::int64_t{1});
    }
    sums.start();
    sums.poll();
  }
  for (; taken < parts; ++taken) take_oldest(sums, part_values);
}

/// Computes for a while: work without memory. @return what keeps a compiler from leaving it out
double compute(std::int64_t rounds) {
  double value = 1;
  for (std::int64_t i = 0; i < rounds; ++i) value = value * 0.999999 + 1e-6;
  return value;
}

/// Collective. Share of the time of sums that passes while ranks compute about as long as the sums take.
double measured_hidden(DistributedContext& ctx, Sums& sums) {
  constexpr std::size_t parts = sums_of_parts[2];
  constexpr double between_polls = 1e-4;  // as the backward pass of a network asks
  constexpr std::int64_t trial = 1 << 20;
  volatile double sink = 0;
  const double of_trial = typical_seconds(ctx, [&] { sink = compute(trial); });
  const double alone = typical_seconds(ctx, [&] { sum_parts(sums, parts, [](std::size_t) {}); });
  const double of_piece = alone / (parts * pieces);
  const auto pieces_per_poll =
      static_cast<std::size_t>(std::clamp<double>(between_polls / of_piece, 1, pieces));
  const auto stretches = static_cast<int>(std::clamp(of_piece / between_polls, 1.0, 1000.0));  // of a piece
  const auto rounds = static_cast<std::int64_t>(static_cast<double>(trial) * of_piece / stretches / of_trial);
  const auto compute_piece = [&](auto&& then) {
    for (int i = 0; i < stretches; ++i) {
      sink = compute(rounds);
      then();
    }
  };
  const auto hidden = measured_turns(ctx, [&] {  // at once, so that a disturbance meets all three
    const double summing = seconds_of(ctx, [&] { sum_parts(sums, parts, [](std::size_t) {}); });
    const double computing = seconds_of(ctx, [&] {
      for (std::size_t piece = 0; piece < parts * pieces; ++piece) compute_piece([] {});
    });
    const double both = seconds_of(ctx, [&] {
      sum_parts(sums, parts, [&](std::size_t piece) {
        compute_piece([&] {
          if (piece % pieces_per_poll == 0) sums.poll();
        });
      });
    });
    return std::clamp((computing + summing - both) / std::min(computing, summing), 0.0, 1.0);
  });
  return smallest(ctx, median(hidden));
}

/// Collective. Seconds of `talk` where ranks come from work that takes each of them a little differently
/// long.
template <class F>
double seconds_after_work(DistributedContext& ctx, F&& talk) {
  constexpr int times = 20;
  constexpr std::int64_t rounds = 1 << 15;
  volatile double sink = 0;
  const auto each = [&](auto&& then) {
    return typical_seconds(ctx, [&] {
      for (int i = 0; i < times; ++i) {
        sink = compute(rounds);
        then();
      }
    });
  };
  const double alone = each([] {});
  return std::max(1e-9, (each(talk) - alone) / times);
}

/// Collective. Messages between neighbours: the first, each further one, and how long their bytes take.
void measure_messages(DistributedContext& ctx, NetworkSpeed& speed) {
  const int next = (ctx.rank() + 1) % ctx.size();
  const int before = (ctx.rank() + ctx.size() - 1) % ctx.size();
  const auto messages = ctx.peer_messages();
  std::vector<std::byte> sent(messages_together * long_bytes);
  std::vector<std::byte> received(sent.size());
  const auto exchange = [&](int count, std::size_t bytes) {
    const auto place = [&](std::vector<std::byte>& all, int i) {
      return std::span(all).subspan(static_cast<std::size_t>(i) * bytes, bytes);
    };
    for (int i = 0; i < count; ++i) messages->receive(before, place(received, i));
    for (int i = 0; i < count; ++i) messages->send(next, place(sent, i));
    messages->wait();
  };
  speed.latency = seconds_after_work(ctx, [&] { exchange(1, short_bytes); });
  const double one = typical_seconds(ctx, [&] { exchange(1, short_bytes); });
  const double together = typical_seconds(ctx, [&] { exchange(messages_together, short_bytes); });
  speed.message = std::max(0.0, (together - one) / (messages_together - 1));
  const double carried = typical_seconds(ctx, [&] { exchange(messages_together, long_bytes); }) - together;
  speed.bandwidth =
      static_cast<double>(messages_together * (long_bytes - short_bytes)) / std::max(1e-9, carried);
}

}  // namespace

MeasuredNetwork measured_network(DistributedContext& ctx) {
  ensure(ctx.size() > 1, "one rank has no network");
  const double ranks = ctx.size();
  MeasuredNetwork network;
  network.barrier = typical_seconds(ctx, [&] { ctx.barrier(); });
  const auto sums = ctx.integer_sums(static_cast<std::size_t>(exchange_memory()));
  network.short_sum = typical_seconds(ctx, [&] {
    sums->next(1)[0] = 1;
    sums->start();
    take_oldest(*sums, 1);
  });

  for (const std::size_t parts : sums_of_parts) {
    const double seconds = typical_seconds(ctx, [&] { sum_parts(*sums, parts, [](std::size_t) {}); });
    const double sent =
        2 * (ranks - 1) / ranks * static_cast<double>(parts * part_values * sizeof(std::int64_t));
    network.speed.sums.push_back({sent, seconds / sent});
  }
  network.speed.hidden = measured_hidden(ctx, *sums);

  measure_messages(ctx, network.speed);
  std::array<std::int64_t, agreed_values> values{};
  network.speed.agreement = seconds_after_work(ctx, [&] { ctx.maximum(values); });
  return network;
}

bool share_memory(DistributedContext& ctx) {
  if (ctx.size() == 1) return true;
  const auto sums = ctx.integer_sums(sizeof(std::int64_t));
  return dynamic_cast<const SharedSums<std::int64_t>*>(sums.get()) != nullptr;
}

}  // namespace plexus
