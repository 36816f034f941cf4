#include "src/rewire/rules/uniform_growth.hpp"

#include <algorithm>

#include "src/rewire/row_runs.hpp"
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
  std::vector<GrownConnection> grown(numbers.size());
  const auto cuts = balanced_cuts(kept.row_ptrs(), parts_for(kept.connections() + count, least_part));
  for_each_part(static_cast<int>(cuts.size()) - 1, [&](int part) {
    std::vector<Index> empty_before;  // for each connection of a row, the empty cells of the row before it
    auto number = std::lower_bound(numbers.begin(), numbers.end(), first_empty(cuts[part]));
    for (Index row = cuts[part]; row < cuts[part + 1]; ++row) {
      const auto end =
          std::find_if(number, numbers.end(), [next = first_empty(row + 1)](Offset n) { return n >= next; });
      if (number == end) continue;
      kept.columns_of(row, empty_before);
      const std::size_t connections = kept.connections_of(row);
      for (std::size_t i = 0; i < connections; ++i) empty_before[i] -= static_cast<Index>(i);
      Index place = 0;  // connections of the row that come before the cell
      for (; number != end; ++number) {
        // Empty cell k of the row stands behind the connections that have at most k empty cells before them.
        const auto k = static_cast<Index>(*number - first_empty(row));
        place += count_below(empty_before.data() + place, k + 1);
        grown[number - numbers.begin()] = {row, k + place, 0};
      }
    }
  });
  return grown;
}

}  // namespace plexus
