#include "src/support/parallel.hpp"

namespace plexus {

std::vector<Index> balanced_cuts(const std::vector<Offset>& row_ptrs, int parts) {
  constexpr Offset row_cost = 4;  // in connections: loading and storing a row's sums
  const auto rows = static_cast<Offset>(row_ptrs.size()) - 1;
  const auto cost_before = [&](Offset row) {
    return row_ptrs[static_cast<std::size_t>(row)] + row_cost * row;
  };
  const Offset total = cost_before(rows);
  std::vector<Index> cuts = {0};
  for (int part = 1; part < parts; ++part) {
    const Offset wanted = total * part / parts;
    Offset low = cuts.back();
    Offset high = rows;
    while (low < high) {
      const Offset middle = (low + high) / 2;
      if (cost_before(middle) < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    cuts.push_back(static_cast<Index>(low));
  }
  cuts.push_back(static_cast<Index>(rows));
  return cuts;
}

std::vector<Index> even_cuts(Index rows, int parts) {
  std::vector<Index> cuts;
  for (int part = 0; part <= parts; ++part) cuts.push_back(static_cast<Index>(part_begin(rows, part, parts)));
  return cuts;
}

}  // namespace plexus
