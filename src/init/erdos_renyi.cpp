#include "src/init/erdos_renyi.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "src/support/error.hpp"
#include "src/support/heap.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// 2 atanh(s) = log((1 + s) / (1 - s)) for |s| < 0.172, to the last bits of a double. Only sums, products and
/// quotients, here and in `log_of`: the last bit of std::log differs between C libraries.
double twice_atanh(double s) {
  const double z = s * s;
  const double z2 = z * z;
  const double low = (1.0 + z * (1.0 / 3)) + z2 * (1.0 / 5 + z * (1.0 / 7));
  const double high = (1.0 / 9 + z * (1.0 / 11)) + z2 * (1.0 / 13 + z * (1.0 / 15)) + z2 * z2 * (1.0 / 17);
  return 2.0 * s * (low + z2 * z2 * high);
}

/// The double of sign and exponent `high` whose mantissa has the bits `low`, without a conversion from
/// integers, which SSE2 cannot vectorise.
double assembled(double high, std::uint64_t low) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(high) | low);
}

/// Natural logarithm of a normal number x > 0.
double log_of(double x) {
  constexpr auto one = std::bit_cast<std::uint64_t>(1.0);
  constexpr auto root_half = std::bit_cast<std::uint64_t>(0x1.6a09e667f3bcdp-1);
  constexpr std::uint64_t mantissa_mask = (std::uint64_t{1} << 52) - 1;
  constexpr double log_2 = 0x1.62e42fefa39efp-1;
  const std::uint64_t shifted = std::bit_cast<std::uint64_t>(x) + (one - root_half);
  const double exponent = assembled(0x1.0p52, shifted >> 52) - (0x1.0p52 + 1023.0);
  const auto m = std::bit_cast<double>((shifted & mantissa_mask) + root_half);  // in [sqrt(1/2), sqrt(2))
  return exponent * log_2 + twice_atanh((m - 1.0) / (m + 1.0));
}

/// log(1 - density) for density in (0, 1).
double log_of_rest(double density) {
  return density < 0.25 ? twice_atanh(-density / (2.0 - density)) : log_of(1.0 - density);
}

/// Draws the columns of rows. Gaps of empty cells between the connections have P(gap >= k) = (1 - density)^k,
/// hence gap = floor(log(u) / log(1 - density)) with u uniform in (0, 1].
class RowSampler {
 public:
  RowSampler(Index cols, double density, const RandomStream& stream)
      : stream_(stream), cols_(cols), density_(density), per_log_(1.0 / log_of_rest(density)) {}

  /// Appends the columns of `row`.
  void append(Index row, std::vector<Index>& out) const {
    std::array<std::uint64_t, most_pairs> rows;
    std::array<std::uint64_t, most_pairs> counters;
    std::array<std::uint64_t, 2 * most_pairs> bits;
    std::array<Index, 2 * most_pairs> numbers;  // gaps, then columns in their place
    rows.fill(static_cast<std::uint64_t>(row));
    std::uint64_t next = 0;
    for (Offset col = -1; col < cols_;) {
      constexpr std::size_t step = RandomStream::side_by_side;
      const double expected = 0.5 * density_ * static_cast<double>(cols_ - col);
      const std::size_t pairs =
          expected < most_pairs - step ? (static_cast<std::size_t>(expected) / step + 1) * step : most_pairs;
      std::iota(counters.begin(), counters.end(), next);
      next += pairs;
      stream_.pairs(rows.data(), counters.data(), pairs, bits.data());
      const std::size_t draws = 2 * pairs;
      to_gaps(bits.data(), draws, numbers.data());
      std::size_t used = 0;
      for (; used < draws; ++used) {
        col += Offset{1} + numbers[used];
        if (col >= cols_) break;
        numbers[used] = static_cast<Index>(col);
      }
      out.insert(out.end(), numbers.begin(), numbers.begin() + used);
    }
  }

 private:
  /// Pairs of gaps drawn at a time.
  static constexpr std::size_t most_pairs = 32;

  void to_gaps(const std::uint64_t* bits, std::size_t count, Index* gaps) const {
    const double most = cols_;
    for (std::size_t i = 0; i < count; ++i) {
      const double u = 2.0 - assembled(1.0, bits[i] >> 12);
      gaps[i] = static_cast<Index>(std::min(most, log_of(u) * per_log_));  // `most` where 0 * infinity is NaN
    }
  }

  const RandomStream& stream_;
  Index cols_;
  double density_;
  double per_log_;
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
  return erdos_renyi_slice(0, rows, cols, density, stream);
}

Topology erdos_renyi_slice(Index first_row, Index rows, Index cols, double density,
                           const RandomStream& stream) {
  ensure(rows >= 0 && cols >= 0 && density >= 0 && density <= 1, "erdos_renyi: {} x {} cells of density {}",
         rows, cols, density);
  if (density == 1) return full(rows, cols);

  Topology topology;
  topology.rows = rows;
  topology.cols = cols;
  topology.row_ptrs.resize(static_cast<std::size_t>(rows) + 1);
  if (density == 0) return topology;
  const RowSampler sampler(cols, density, stream);
  const double expected = density * static_cast<double>(rows) * static_cast<double>(cols);
  const auto room = static_cast<std::size_t>(expected + 5 * std::sqrt(expected)) + 1;
  const int parts = parts_for(std::min(static_cast<Offset>(room), Offset{rows} * least_part), least_part);
  std::vector<std::vector<Index>> columns(static_cast<std::size_t>(parts));
  for_each_part(parts, [&](int part) {
    std::vector<Index>& own = columns[part];
    own.reserve(part == 0 ? room : room / static_cast<std::size_t>(parts));
    const auto end = static_cast<Index>(part_begin(rows, part + 1, parts));
    for (auto row = static_cast<Index>(part_begin(rows, part, parts)); row < end; ++row) {
      const std::size_t before = own.size();
      sampler.append(first_row + row, own);
      topology.row_ptrs[row + std::size_t{1}] = static_cast<Offset>(own.size() - before);
    }
  });
  std::partial_sum(topology.row_ptrs.begin(), topology.row_ptrs.end(), topology.row_ptrs.begin());
  topology.col_idxs = std::move(columns[0]);
  for (int part = 1; part < parts; ++part) {
    topology.col_idxs.insert(topology.col_idxs.end(), columns[part].begin(), columns[part].end());
    give_back(columns[part]);
  }
  return topology;
}

}  // namespace plexus
