#include "io/csr_group.hpp"

#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include "src/support/error.hpp"

namespace plexus {

hdf5::Group create_csr(hdf5::Group& parent, const std::string& name, Index rows, Index cols) {
  hdf5::Group group = parent.create_group(name);
  group.set("encoding-type", "csr_matrix");
  group.set("encoding-version", "0.1.0");
  group.set("shape", std::vector<std::int64_t>{rows, cols});
  return group;
}

std::pair<Index, Index> csr_shape(const hdf5::Group& group) {
  const auto shape = group.numbers<std::int64_t>("shape", 2);
  for (const std::int64_t size : shape) {
    ensure(size >= 0 && size <= std::numeric_limits<Index>::max(), "a matrix has {} rows or columns", size);
  }
  return {static_cast<Index>(shape[0]), static_cast<Index>(shape[1])};
}

hdf5::Group write_csr(hdf5::Group& parent, const std::string& name, const Topology& topology,
                      hdf5::Storage storage) {
  hdf5::Group group = create_csr(parent, name, topology.rows, topology.cols);
  group.write("indptr", topology.row_ptrs, row_ptrs_meaning, storage);
  group.write("indices", topology.col_idxs, col_idxs_meaning, storage);
  return group;
}

Topology read_csr(const hdf5::Group& group) {
  Topology topology;
  std::tie(topology.rows, topology.cols) = csr_shape(group);
  topology.row_ptrs = group.read<Offset>("indptr");
  topology.col_idxs = group.read<Index>("indices");
  check(topology);
  return topology;
}

}  // namespace plexus
