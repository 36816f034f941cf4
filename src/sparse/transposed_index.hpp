#pragma once

#include <cstdint>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The connections of a topology column by column, rows ascending in each.
struct TransposedIndex {
  std::vector<Offset> col_ptrs;  ///< cols + 1 entries
  std::vector<Index> row_idxs;   ///< one entry a connection
};

/// Time O(connections + rows + cols), in parallel.
/// @throws Fault if there are 2^32 connections or more
[[nodiscard]] TransposedIndex transposed(const Topology& topology);

// No map from one order of the connections to the other is stored: a column has its connections in the order
// of their rows, so who goes through rows in order finds the place of each in column order by counting along
// in every column, and the other way round.

/// For each line of a pattern, rows or columns, the place of its first entry that is not below `entry`: where
/// counting along begins for who goes through the other order from `entry` on. Time O(lines log entries).
/// @param ptrs     one more than there are lines
/// @param entries  ascending in a line
[[nodiscard]] std::vector<std::uint32_t> places_from(const std::vector<Offset>& ptrs,
                                                     const std::vector<Index>& entries, Index entry);

/// For each connection in column order its position in row order. `t` is the index of `topology`. Time as
/// `transposed`, in parallel.
[[nodiscard]] std::vector<std::uint32_t> row_positions(const Topology& topology, const TransposedIndex& t);

/// Makes `places` hold for each connection in row order its place in column order. The same otherwise.
void column_places(const Topology& topology, const TransposedIndex& t, std::vector<std::uint32_t>& places);

/// Marks of some connections, one bit each, lowest first, sorted from row order into column order. The last
/// word is filled up with 0. Time as `transposed`, in parallel.
/// @param by_row  as many words as are returned
[[nodiscard]] std::vector<std::uint64_t> marks_in_column_order(const std::uint64_t* by_row,
                                                               const Topology& topology,
                                                               const TransposedIndex& t);

/// An array with one entry a connection, sorted from row order into column order. Time as `transposed`, in
/// parallel.
[[nodiscard]] std::vector<Real> in_column_order(const std::vector<Real>& by_row, const Topology& topology,
                                                const TransposedIndex& t);
/// The inverse.
[[nodiscard]] std::vector<Real> in_row_order(const std::vector<Real>& by_column, const Topology& topology,
                                             const TransposedIndex& t);

}  // namespace plexus
