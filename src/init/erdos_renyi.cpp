#include "src/init/erdos_renyi.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "src/support/error.hpp"

namespace plexus {

namespace {

/// Lengths of the gaps of empty cells before a connection: P(gap >= k) = (1 - density)^k.
/// The greatest k with (1 - density)^k >= u is found by bisection over stored powers. Only products and
/// comparisons: a logarithm would be as fast, but its last bit differs between C libraries.
class GapLengths {
 public:
  GapLengths(double density, Index cols) {
    double power = 1.0 - density;
    for (Offset length = 1; length <= cols; length *= 2) {
      powers_.push_back(power);
      power *= power;
    }
  }

  /// @param u uniform in (0, 1]. The result is exact below `cols`, and at least `cols` where the row ends.
  [[nodiscard]] Offset operator()(double u) const {
    double product = 1.0;
    Offset length = 0;
    for (std::size_t i = powers_.size(); i-- > 0;) {
      const double longer = product * powers_[i];
      if (longer >= u) {
        product = longer;
        length += Offset{1} << i;
      }
    }
    return length;
  }

 private:
  std::vector<double> powers_;  // entry i: (1 - density)^(2^i)
};

Topology full(Index rows, Index cols) {
  Topology topology;
  topology.rows = rows;
  topology.cols = cols;
  topology.row_ptrs.resize(static_cast<std::size_t>(rows) + 1);
  topology.col_idxs.resize(static_cast<std::size_t>(topology.cells()));
  for (Index row = 0; row < rows; ++row) {
    const auto begin = topology.col_idxs.begin() + static_cast<Offset>(row) * cols;
    std::iota(begin, begin + cols, Index{0});
    topology.row_ptrs[row + std::size_t{1}] = (row + Offset{1}) * cols;
  }
  return topology;
}

}  // namespace

double erdos_renyi_density(double epsilon, Offset inputs, Offset outputs) {
  return std::min(1.0, epsilon / full_epsilon(inputs, outputs));
}

double full_epsilon(Offset inputs, Offset outputs) {
  ensure(inputs > 0 && outputs > 0, "erdos_renyi: a layer of {} inputs and {} outputs", inputs, outputs);
  const auto in = static_cast<double>(inputs);
  const auto out = static_cast<double>(outputs);
  return in * out / (in + out);
}

Topology erdos_renyi(Index rows, Index cols, double density, const RandomStream& stream) {
  ensure(rows >= 0 && cols >= 0 && density >= 0 && density <= 1, "erdos_renyi: {} x {} cells of density {}",
         rows, cols, density);
  if (density == 1) return full(rows, cols);

  Topology topology;
  topology.rows = rows;
  topology.cols = cols;
  topology.row_ptrs.reserve(static_cast<std::size_t>(rows) + 1);
  const double expected = density * static_cast<double>(rows) * static_cast<double>(cols);
  topology.col_idxs.reserve(static_cast<std::size_t>(expected + 5 * std::sqrt(expected)) + 1);

  const GapLengths gap(density, cols);
  for (Index row = 0; row < rows; ++row) {
    std::uint64_t draw = 0;
    Offset col = -1;
    while (true) {
      col += 1 + gap(1.0 - stream.uniform(static_cast<std::uint64_t>(row), draw++));
      if (col >= cols) break;
      topology.col_idxs.push_back(static_cast<Index>(col));
    }
    topology.row_ptrs.push_back(topology.connections());
  }
  return topology;
}

}  // namespace plexus
