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
    of_core.full.forward = {{256, 0.40}, {1024, 0.55}, {4096, 0.65}, {16384, 0.95}};
    of_core.full.backward = {{256, 0.86}, {1024, 0.91}, {4096, 1.05}, {16384, 1.5}};
    of_core.full.first = {{256, 0.61}, {1024, 0.65}, {4096, 0.75}, {16384, 1.1}};
    of_core.half.forward = {{256, 0.45}, {4096, 0.62}, {65536, 0.95}, {262144, 2.7}, {1048576, 4.0}};
    of_core.half.backward = {{256, 0.97}, {4096, 1.04}, {65536, 1.55}, {262144, 3.5}, {1048576, 9.1}};
    of_core.half.first = {{256, 0.72}, {4096, 0.78}, {65536, 1.35}, {262144, 3.3}, {1048576, 8.7}};
    of_core.step = {{1e4, 0.7}, {4e4, 0.85}, {1.6e5, 1.0}, {2.6e6, 2.7}};
    of_core.neuron = {{1024, 8}, {65536, 30}};
    of_core.dropout = 11;
    of_core.loss = 60;
    of_core.gather = 4.5;
    of_core.dense_forward = 0.27;
    of_core.dense_backward = 0.95;
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

KernelSpeed combined(const KernelSpeed& a, const KernelSpeed& b,
                     FunctionRef<double(double, double)> combine) {
  KernelSpeed result = a;
  KernelSpeed other = b;
  const auto figures = figures_of(result);
  const auto others = figures_of(other);
  ensure(figures.size() == others.size(), "measurements of different sizes");
  for (std::size_t i = 0; i < figures.size(); ++i) *figures[i] = combine(*figures[i], *others[i]);
  return result;
}

KernelSpeed with_threads(KernelSpeed speed, double threads) {
  for (double* figure : figures_of(speed)) *figure /= threads;
  return speed;
}

const std::vector<NamedNetwork>& named_networks() {
  static const std::vector<NamedNetwork> all = {
      {"10gbe", "10 Gbit/s Ethernet", {30e-6, 1.1e9, 1, {}}},
      {"100gbe", "100 Gbit/s Ethernet", {8e-6, 11e9, 1, {}}},
      {"hdr200", "200 Gbit/s InfiniBand", {2e-6, 23e9, 1, {}}},
  };
  return all;
}

}  // namespace plexus
