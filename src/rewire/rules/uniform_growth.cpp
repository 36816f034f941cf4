#include "src/rewire/rules/uniform_growth.hpp"

#include <algorithm>
#include <cstdint>

#include "src/support/error.hpp"
#include "src/support/keyed_permutation.hpp"

namespace plexus {

namespace {

/// `count` distinct numbers below `size`, ascending.
std::vector<Offset> distinct_numbers(const RandomStream& stream, Offset size, Offset count) {
  const KeyedPermutation permutation(stream, static_cast<std::uint64_t>(size));
  std::vector<Offset> numbers(static_cast<std::size_t>(count));
  for (Offset i = 0; i < count; ++i) {
    numbers[i] = static_cast<Offset>(permutation(static_cast<std::uint64_t>(i)));
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

std::vector<Cell> UniformGrowth::propose(const GrowthInput& in, Offset count) const {
  const Topology& kept = in.kept;
  const Offset empty = kept.cells() - kept.connections();
  ensure(count >= 0 && count <= empty, "growth of {} connections in a layer of {} x {} with {} empty cells",
         count, kept.rows, kept.cols, empty);
  if (count == 0) return {};

  const std::vector<Offset> numbers = distinct_numbers(in.stream, empty, count);
  std::vector<Cell> cells;
  cells.reserve(numbers.size());
  auto number = numbers.begin();
  Offset first = 0;  // number of the first empty cell of the row
  for (Index row = 0; row < kept.rows && number != numbers.end(); ++row) {
    const Offset begin = kept.row_ptrs[row];
    const Offset end = kept.row_ptrs[row + std::size_t{1}];
    const Offset next_first = first + kept.cols - (end - begin);
    Offset p = begin;
    for (; number != numbers.end() && *number < next_first; ++number) {
      // Empty cell k of the row stands behind the connections that have at most k empty cells before them.
      const Offset k = *number - first;
      while (p < end && kept.col_idxs[p] - (p - begin) <= k) ++p;
      cells.push_back({row, static_cast<Index>(k + (p - begin))});
    }
    first = next_first;
  }
  return cells;
}

}  // namespace plexus
