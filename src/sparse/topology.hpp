#pragma once

#include <cstdint>
#include <vector>

#include "src/support/types.hpp"

namespace plexus {

/// Pattern of a sparse matrix in CSR form. Row = neuron a connection feeds, column = neuron it comes from.
/// The columns of a row are ascending and distinct. A connection is named by its position in `col_idxs`.
struct Topology {
  Index rows = 0;
  Index cols = 0;
  std::vector<Offset> row_ptrs = {0};  ///< rows + 1 entries
  std::vector<Index> col_idxs;         ///< one entry a connection
  std::uint64_t generation = 0;        ///< grows by one with every edit

  [[nodiscard]] Offset connections() const { return static_cast<Offset>(col_idxs.size()); }
  [[nodiscard]] Offset cells() const { return static_cast<Offset>(rows) * cols; }
  bool operator==(const Topology&) const = default;
};

/// Throws `Fault` naming the first row in which `topology` breaks the rules of its type. Time O(rows +
/// connections).
void check(const Topology& topology);

}  // namespace plexus
