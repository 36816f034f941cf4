#include "src/plan/machine_speed.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "src/support/error.hpp"

namespace plexus {

double value_at(const Curve& curve, double at) {
  ensure(!curve.empty(), "a figure without a measurement");
  const auto next = std::ranges::find_if(curve, [at](const CurvePoint& point) { return point.at >= at; });
  if (next == curve.begin()) return curve.front().value;
  if (next == curve.end()) return curve.back().value;
  const CurvePoint& before = *(next - 1);
  const double share = std::log(at / before.at) / std::log(next->at / before.at);
  return before.value + share * (next->value - before.value);
}

const KernelSpeed& default_kernel_speed() {
  static const KernelSpeed speed = [] {
    KernelSpeed of_core;
    of_core.full.forward = {{256, 0.46}, {1024, 0.6}, {4096, 0.67}, {16384, 1.2}};
    of_core.full.backward = {{256, 0.98}, {1024, 1.1}, {4096, 1.15}, {16384, 1.7}};
    of_core.full.first = {{256, 0.7}, {1024, 0.75}, {4096, 0.8}, {16384, 1.1}};
    of_core.half.forward = {{256, 0.47}, {4096, 0.65}, {65536, 1.1}, {262144, 3.0}, {1048576, 4.1}};
    of_core.half.backward = {{256, 1.1}, {4096, 1.12}, {65536, 1.8}, {262144, 4.5}, {1048576, 11}};
    of_core.half.first = {{256, 0.8}, {4096, 0.82}, {65536, 1.45}, {262144, 4.2}, {1048576, 10}};
    of_core.step = {{1e4, 0.8}, {4e4, 0.9}, {1.6e5, 1.05}, {2.6e6, 3.4}};
    of_core.carry = {{1e4, 0.8}, {1.6e5, 1.2}, {2.6e6, 4}};
    of_core.neuron = {{4096, 8.5}, {32768, 15}, {131072, 35}};
    of_core.whole = {{1e6, 1.05}, {5e6, 1.2}, {2e7, 1.2}};
    of_core.dropout = 11;
    of_core.loss = 110;
    of_core.gather = 6.5;
    of_core.dense_forward = 0.27;
    of_core.dense_backward = 1.05;
    return of_core;
  }();
  return speed;
}

std::vector<double*> figures_of(KernelSpeed& speed) {
  std::vector<double*> figures;
  for_each_figure(speed, [&](const char*, auto& figure) {
    if constexpr (std::is_same_v<decltype(figure), Curve&>) {
      for (CurvePoint& point : figure) figures.push_back(&point.value);
    } else {
      figures.push_back(&figure);
    }
  });
  return figures;
}

KernelSpeed with_threads(KernelSpeed speed, double threads) {
  const Curve whole = speed.whole;
  for (double* figure : figures_of(speed)) *figure /= threads;
  speed.whole = whole;
  return speed;
}

std::vector<double*> figures_of(NetworkSpeed& speed) {
  std::vector<double*> figures = {&speed.latency, &speed.bandwidth, &speed.hidden, &speed.message,
                                  &speed.agreement};
  for (CurvePoint& point : speed.sums) figures.push_back(&point.value);
  return figures;
}

const std::vector<NamedNetwork>& named_networks() {
  static const std::vector<NamedNetwork> all = {
      {"10gbe", "10 Gbit/s Ethernet", {30e-6, 1.1e9, 1, {}, 4e-6}},
      {"100gbe", "100 Gbit/s Ethernet", {8e-6, 11e9, 1, {}, 1e-6}},
      {"hdr200", "200 Gbit/s InfiniBand", {2e-6, 23e9, 1, {}, 0.5e-6}},
  };
  return all;
}

}  // namespace plexus
