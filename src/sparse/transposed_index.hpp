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
/// @throws Fault if there are 2^32 connections or more
[[nodiscard]] TransposedIndex transposed(const Topology& topology);

/// Sets `t.sources` for a `t` whose other entries are those of `topology`. Time as `transposed`, in parallel.
void number_sources(const Topology& topology, TransposedIndex& t);

}  // namespace plexus
