#include "io/csr_group.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include "src/support/error.hpp"

namespace plexus {

hdf5::Group write_csr(hdf5::Group& parent, const std::string& name, const Topology& topology,
                      hdf5::Storage storage) {
  hdf5::Group group = parent.create_group(name);
  group.set("encoding-type", "csr_matrix");
  group.set("encoding-version", "0.1.0");
  group.set("shape", std::vector<std::int64_t>{topology.rows, topology.cols});
  group.write("indptr", topology.row_ptrs, {"first connection of each row, and the end"}, storage);
  group.write("indices", topology.col_idxs, {"column of each connection, ascending within a row"}, storage);
  return group;
}

Topology read_csr(const hdf5::Group& group) {
  const auto shape = group.numbers<std::int64_t>("shape", 2);
  for (const std::int64_t size : shape) {
    ensure(size >= 0 && size <= std::numeric_limits<Index>::max(), "a matrix has {} rows or columns", size);
  }
  Topology topology;
  topology.rows = static_cast<Index>(shape[0]);
  topology.cols = static_cast<Index>(shape[1]);
  topology.row_ptrs = group.read<Offset>("indptr");
  topology.col_idxs = group.read<Index>("indices");
  check(topology);
  return topology;
}

}  // namespace plexus
