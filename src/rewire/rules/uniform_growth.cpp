#include "src/rewire/rules/uniform_growth.hpp"

#include <algorithm>
#include <cstdint>

#include "src/support/error.hpp"
#include "src/support/keyed_sample.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

std::vector<GrownConnection> UniformGrowth::propose(const GrowthInput& in, Offset count) const {
  const KeptConnections& kept = in.kept;
  const Offset empty = kept.cells() - kept.connections();
  ensure(count >= 0 && count <= empty, "growth of {} connections in a layer of {} x {} with {} empty cells",
         count, kept.rows(), kept.cols(), empty);

  const std::vector<Offset> numbers = keyed_sample(in.stream, empty, count);
  const auto first_empty = [&](Index row) {
    return static_cast<Offset>(row) * kept.cols() - kept.row_ptrs()[row];
  };
  const Scratch<Index> columns = kept.columns();
  const std::vector<Offset>& row_ptrs = kept.row_ptrs();
  std::vector<GrownConnection> grown(numbers.size());
  const auto cuts = balanced_cuts(row_ptrs, parts_for(kept.connections() + count, least_part));
  for_each_part(static_cast<int>(cuts.size()) - 1, [&](int part) {
    auto number = std::lower_bound(numbers.begin(), numbers.end(), first_empty(cuts[part]));
    for (Index row = cuts[part]; row < cuts[part + 1]; ++row) {
      const Offset first = first_empty(row);
      const Offset next_first = first_empty(row + 1);
      const Index* row_begin = columns.data() + row_ptrs[row];
      const Index* row_end = columns.data() + row_ptrs[row + std::size_t{1}];
      Index place = 0;  // connections of the row that come before the cell
      for (; number != numbers.end() && *number < next_first; ++number) {
        // Empty cell k of the row stands behind the connections that have at most k empty cells before them.
        // Connection i, in column c, has c - i.
        const auto k = static_cast<Index>(*number - first);
        place += count_below(row_begin + place, row_end, [bound = k + place](Index col, Index i) {
          return static_cast<Index>(static_cast<std::uint32_t>(col) - static_cast<std::uint32_t>(i)) <= bound;
        });
        grown[number - numbers.begin()] = {row, k + place, 0};
      }
    }
  });
  return grown;
}

}  // namespace plexus
