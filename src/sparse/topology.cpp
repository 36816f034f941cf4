#include "src/sparse/topology.hpp"

#include "src/support/error.hpp"

namespace plexus {

void check(const Topology& t) {
  ensure(t.rows >= 0 && t.cols >= 0 && t.row_ptrs.size() == static_cast<std::size_t>(t.rows) + 1 &&
             t.row_ptrs.front() == 0 && t.row_ptrs.back() == t.connections(),
         "topology of {} x {}: {} row pointers for {} connections", t.rows, t.cols, t.row_ptrs.size(),
         t.connections());
  for (Index row = 0; row < t.rows; ++row) {
    const Offset begin = t.row_ptrs[static_cast<std::size_t>(row)];
    const Offset end = t.row_ptrs[static_cast<std::size_t>(row) + 1];
    ensure(begin <= end && end <= t.connections(), "topology: row {} ends before it begins", row);
    for (Offset p = begin; p < end; ++p) {
      const Index col = t.col_idxs[static_cast<std::size_t>(p)];
      ensure(col >= 0 && col < t.cols && (p == begin || t.col_idxs[static_cast<std::size_t>(p) - 1] < col),
             "topology: row {} has a column {} out of range or order", row, col);
    }
  }
}

}  // namespace plexus
