#pragma once

#include <string>
#include <utility>

#include "io/hdf5_handle.hpp"
#include "src/sparse/topology.hpp"

namespace plexus {

inline constexpr hdf5::Meaning row_ptrs_meaning{"first connection of each row, and the end"};
inline constexpr hdf5::Meaning col_idxs_meaning{"column of each connection, ascending within a row"};

/// Creates group `name` with the attributes of a sparse matrix, and none of its arrays.
hdf5::Group create_csr(hdf5::Group& parent, const std::string& name, Index rows, Index cols);

/// Rows and columns of the sparse matrix in `group`. @throws Fault if they are out of range.
[[nodiscard]] std::pair<Index, Index> csr_shape(const hdf5::Group& group);

/// Creates group `name` with the pattern of a sparse matrix: `indptr` (int64), `indices` (int32) and the
/// attributes of AnnData's csr_matrix encoding, so that scipy, AnnData and 10x readers know it. The caller
/// may add `data`.
hdf5::Group write_csr(hdf5::Group& parent, const std::string& name, const Topology& topology,
                      hdf5::Storage storage);

/// The pattern in `group`, checked; its generation is 0. @throws Fault if it is none.
[[nodiscard]] Topology read_csr(const hdf5::Group& group);

}  // namespace plexus
