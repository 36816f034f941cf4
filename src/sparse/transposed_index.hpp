#pragma once

#include <cstdint>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The connections of a topology column by column, rows ascending in each.
struct TransposedIndex {
  std::vector<Offset> col_ptrs;        ///< cols + 1 entries
  std::vector<Index> row_idxs;         ///< one entry a connection
  std::vector<std::uint32_t> sources;  ///< its position among the stored connections
};

/// Time O(connections + rows + cols), in parallel.
/// @param reuse  an index that is no longer wanted: its memory is used again.
/// @throws Fault if there are 2^32 connections or more
[[nodiscard]] TransposedIndex transposed(const Topology& topology, TransposedIndex reuse = {});

}  // namespace plexus
