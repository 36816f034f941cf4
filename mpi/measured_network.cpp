#include "mpi/measured_network.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "mpi/collectives.hpp"
#include "mpi/gradient_exchange.hpp"
#include "mpi/shared_sums.hpp"
#include "mpi/stopwatch.hpp"
#include "src/nn/layer.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

constexpr int turns = 7;
constexpr std::array<std::size_t, 4> sums_of_parts = {2, 8, 32, 128};
constexpr std::size_t gathered_bytes = std::size_t{2} << 20;
constexpr std::size_t part_values = Layer::part_values;

using Sums = SumQueue<std::int64_t>;

/// Collective. Seconds of `work` on this rank; all ranks begin together.
template <class F>
double seconds_of(DistributedContext& ctx, F&& work) {
  ctx.barrier();
  Stopwatch watch;
  work();
  return watch.lap();
}

/// Collective. Least seconds of `work`, of the slowest rank, after a turn that warms up.
template <class F>
double least_seconds(DistributedContext& ctx, F&& work) {
  seconds_of(ctx, work);
  double least = std::numeric_limits<double>::infinity();
  for (int turn = 0; turn < turns; ++turn) least = std::min(least, seconds_of(ctx, work));
  return largest(ctx, least);
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

/// Collective. Sums of the parts of a gradient; `beside` is called before each.
template <class F>
void sum_parts(Sums& sums, std::size_t parts, F&& beside) {
  std::size_t taken = 0;
  for (std::size_t sent = 0; sent < parts; ++sent) {
    beside();
    for (; !sums.has_room(part_values); ++taken) take_oldest(sums, part_values);
    std::ranges::fill(sums.next(part_values), std::int64_t{1});
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
  constexpr int polls = 8;  // of the work before a part
  constexpr std::int64_t trial = 1 << 20;
  volatile double sink = 0;
  const double of_trial = least_seconds(ctx, [&] { sink = compute(trial); });
  double alone = least_seconds(ctx, [&] { sum_parts(sums, parts, [] {}); });
  const auto rounds =
      static_cast<std::int64_t>(static_cast<double>(trial / (parts * polls)) * alone / of_trial);
  const auto work = [&](auto&& poll) {
    for (int i = 0; i < polls; ++i) {
      sink = compute(rounds);
      poll();
    }
  };
  double computing = std::numeric_limits<double>::infinity();
  double both = computing;
  for (int turn = 0; turn < turns; ++turn) {  // in turns, so that a disturbance meets all
    alone = std::min(alone, seconds_of(ctx, [&] { sum_parts(sums, parts, [] {}); }));
    computing = std::min(computing, seconds_of(ctx, [&] {
                           for (std::size_t part = 0; part < parts; ++part) work([] {});
                         }));
    both =
        std::min(both, seconds_of(ctx, [&] { sum_parts(sums, parts, [&] { work([&] { sums.poll(); }); }); }));
  }
  const double hidden = (computing + alone - both) / std::min(computing, alone);
  return smallest(ctx, std::clamp(hidden, 0.0, 1.0));
}

}  // namespace

MeasuredNetwork measured_network(DistributedContext& ctx) {
  ensure(ctx.size() > 1, "one rank has no network");
  const double ranks = ctx.size();
  const double rounds = std::bit_width(static_cast<unsigned>(ctx.size() - 1));
  MeasuredNetwork network;
  network.barrier = least_seconds(ctx, [&] { ctx.barrier(); });
  const auto sums = ctx.integer_sums(static_cast<std::size_t>(exchange_memory()));
  network.short_sum = least_seconds(ctx, [&] {
    sums->next(1)[0] = 1;
    sums->start();
    take_oldest(*sums, 1);
  });
  network.speed.latency = network.short_sum / (2 * rounds);  // to one rank and back in a tree

  for (const std::size_t parts : sums_of_parts) {
    const double seconds = least_seconds(ctx, [&] { sum_parts(*sums, parts, [] {}); });
    const double sent =
        2 * (ranks - 1) / ranks * static_cast<double>(parts * part_values * sizeof(std::int64_t));
    network.speed.sums.push_back({sent, seconds / sent});
  }
  network.speed.hidden = measured_hidden(ctx, *sums);

  const std::vector<std::byte> own(gathered_bytes);
  const double gather = least_seconds(ctx, [&] { static_cast<void>(ctx.allgather(own)); });
  network.speed.bandwidth = (ranks - 1) * static_cast<double>(own.size()) / gather;
  return network;
}

bool share_memory(DistributedContext& ctx) {
  if (ctx.size() == 1) return true;
  const auto sums = ctx.integer_sums(sizeof(std::int64_t));
  return dynamic_cast<const SharedSums<std::int64_t>*>(sums.get()) != nullptr;
}

KernelSpeed slowest(DistributedContext& ctx, const KernelSpeed& own) {
  KernelSpeed result = own;
  const std::vector<double*> figures = figures_of(result);
  std::vector<double> values;
  for (const double* figure : figures) values.push_back(*figure);
  for (const auto& others : gather_all(ctx, values)) {
    ensure(others.size() == figures.size(), "ranks measure different figures");
    for (std::size_t i = 0; i < figures.size(); ++i) *figures[i] = std::max(*figures[i], others[i]);
  }
  return result;
}

}  // namespace plexus
