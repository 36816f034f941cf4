#include "src/sparse/transposed_index.hpp"

#include <limits>
#include <numeric>

#include "src/support/error.hpp"

namespace plexus {

TransposedIndex transposed(const Topology& topology) {
  ensure(topology.connections() <= std::numeric_limits<std::uint32_t>::max(),
         "a layer of {} connections: one rank holds at most 2^32 - 1 of a layer", topology.connections());
  TransposedIndex t;
  t.col_ptrs.assign(static_cast<std::size_t>(topology.cols) + 1, 0);
  for (const Index col : topology.col_idxs) ++t.col_ptrs[static_cast<std::size_t>(col) + 1];
  std::partial_sum(t.col_ptrs.begin(), t.col_ptrs.end(), t.col_ptrs.begin());
  t.row_idxs.resize(topology.col_idxs.size());
  t.sources.resize(topology.col_idxs.size());
  std::vector<Offset> next(t.col_ptrs.begin(), t.col_ptrs.end() - 1);
  for (Index row = 0; row < topology.rows; ++row) {
    const Offset end = topology.row_ptrs[static_cast<std::size_t>(row) + 1];
    for (Offset p = topology.row_ptrs[static_cast<std::size_t>(row)]; p < end; ++p) {
      const auto col = static_cast<std::size_t>(topology.col_idxs[static_cast<std::size_t>(p)]);
      const auto place = static_cast<std::size_t>(next[col]++);
      t.row_idxs[place] = row;
      t.sources[place] = static_cast<std::uint32_t>(p);
    }
  }
  return t;
}

}  // namespace plexus
