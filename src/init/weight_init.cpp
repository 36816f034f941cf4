#include "src/init/weight_init.hpp"

namespace plexus {

std::vector<Real> first_values(const WeightInit& init, const RandomStream& stream, const Topology& topology) {
  std::vector<Real> values;
  values.reserve(topology.col_idxs.size());
  for (Index row = 0; row < topology.rows; ++row) {
    const Offset end = topology.row_ptrs[row + std::size_t{1}];
    for (Offset p = topology.row_ptrs[row]; p < end; ++p) {
      values.push_back(init.value(stream, row, topology.col_idxs[p], topology.cols, topology.rows));
    }
  }
  return values;
}

std::vector<Real> first_dense_values(const WeightInit& init, const RandomStream& stream, Index rows,
                                     Index cols) {
  std::vector<Real> values;
  values.reserve(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols));
  for (Index row = 0; row < rows; ++row) {
    for (Index col = 0; col < cols; ++col) values.push_back(init.value(stream, row, col, cols, rows));
  }
  return values;
}

}  // namespace plexus
