// How near to the peak does each phase of a sparse layer's step come?
#include <fmt/format.h>
#include <omp.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/layer_step.hpp"
#include "tests/bench/machine.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/parts.hpp"

namespace plexus::bench {

namespace {

struct LayerCase {
  Index neurons;  ///< of the layer and of the layer before
  double density;
  Offset samples;
  int threads = 1;
};

/// Memory of a layer while it trains, and of the activations and gradients around it, about.
double bytes_of(const LayerCase& c) {
  const double neurons = c.neurons;
  return neurons * neurons * c.density * 45 + neurons * static_cast<double>(c.samples) * 4 * 4;
}

LayerStep step_of(const LayerCase& c) {
  omp_set_num_threads(c.threads);
  return {new_layer(c.neurons, c.neurons, c.density), c.samples};
}

Json row_of(const Bench& bench, const LayerCase& c) {
  if (!fits(bytes_of(c))) return too_large(bytes_of(c));
  LayerStep step = step_of(c);
  const auto timings = measure(bench, {timed([&] { step.forward(); }, c.threads),
                                       timed([&] { step.backward(Sums::exact); }, c.threads),
                                       timed([&] { step.backward(Sums::fast); }, c.threads),
                                       timed([&] { step.first_layer_backward(Sums::exact); }, c.threads),
                                       timed([&] { step.first_layer_backward(Sums::fast); }, c.threads)});
  Json row = {{"size", fmt::format("{0} x {0}", c.neurons)},
              {"density", c.density},
              {"connections", step.connections()},
              {"batch", c.samples},
              {"threads", c.threads},
              {"forward_share", timings[0].share(step.flops(1))},
              {"backward_exact_share", timings[1].share(step.flops(2))},
              {"backward_fast_share", timings[2].share(step.flops(2))},
              {"first_exact_share", timings[3].share(step.flops(1))},
              {"first_fast_share", timings[4].share(step.flops(1))}};
  row.update(timings[0].conditions());
  return row;
}

Json rows_of(const Bench& bench, const std::vector<LayerCase>& cases) {
  Json rows;
  for (const LayerCase& c : cases) {
    const auto name = fmt::format("{0} x {0}, density {1}, batch {2}, {3}", c.neurons, c.density, c.samples,
                                  counted(c.threads, "thread"));
    rows[name] = row_of(bench, c);
  }
  return rows;
}

}  // namespace

Json layers(const Bench& bench) {
  std::vector<LayerCase> cases;
  for (const int threads : thread_counts()) {
    for (const double density :
         bench.quick ? std::vector{0.01, 0.04} : std::vector{0.001, 0.01, 0.04, 0.1, 0.2}) {
      cases.push_back({1000, density, 128, threads});
    }
    if (bench.quick) continue;
    cases.push_back({4000, 0.01, 128, threads});
    cases.push_back({65536, 0.001, 128, threads});
  }
  return rows_of(bench, cases);
}

Json batches(const Bench& bench) {
  std::vector<LayerCase> cases;
  for (const Offset samples :
       bench.quick ? std::vector<Offset>{1, 1024} : std::vector<Offset>{1, 16, 128, 1024, 4096}) {
    cases.push_back({1000, 0.04, samples});
  }
  return rows_of(bench, cases);
}

Json connections(const Bench& bench) {
  constexpr double connections_per_neuron = 40;
  constexpr Offset samples = 32;
  Json rows;
  for (double connections = 1e4; connections <= (bench.quick ? 1e6 : 1e8); connections *= 10) {
    const auto neurons = static_cast<Index>(connections / connections_per_neuron);
    const LayerCase c{neurons, connections_per_neuron / neurons, samples};
    const auto name = fmt::format("{:.0e} connections", connections);
    if (!fits(bytes_of(c))) {
      rows[name] = too_large(bytes_of(c));
      continue;
    }
    LayerStep step = step_of(c);
    const auto timings =
        measure(bench, {timed([&] { step.forward(); }), timed([&] { step.backward(Sums::exact); })});
    const auto count = static_cast<double>(step.connections());
    rows[name] = {{"connections", step.connections()},
                  {"neurons", neurons},
                  {"batch", samples},
                  {"forward_ns", timings[0].nanoseconds_per(count)},
                  {"backward_exact_ns", timings[1].nanoseconds_per(count)},
                  {"forward_share", timings[0].share(step.flops(1))},
                  {"backward_exact_share", timings[1].share(step.flops(2))}};
    rows[name].update(timings[1].conditions());
  }
  return rows;
}

}  // namespace plexus::bench
