#pragma once

#include <string>

#include "io/hdf5_handle.hpp"
#include "src/sparse/topology.hpp"

namespace plexus {

/// Creates group `name` with the pattern of a sparse matrix: `indptr` (int64), `indices` (int32) and the
/// attributes of AnnData's csr_matrix encoding, so that scipy, AnnData and 10x readers know it. The caller
/// may add `data`.
hdf5::Group write_csr(hdf5::Group& parent, const std::string& name, const Topology& topology,
                      hdf5::Storage storage);

/// The pattern in `group`, checked; its generation is 0. @throws Fault if it is none.
[[nodiscard]] Topology read_csr(const hdf5::Group& group);

}  // namespace plexus
