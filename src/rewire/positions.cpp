#include "src/rewire/positions.hpp"

namespace plexus {

std::vector<Offset> with_chosen(const std::vector<Offset>& excluded, const std::vector<Offset>& chosen) {
  std::vector<Offset> all(excluded.size() + chosen.size());
  const int parts = parts_for(static_cast<Offset>(all.size()), least_part);
  const auto chosen_count = static_cast<Offset>(chosen.size());
  // Excluded numbers that precede the one at a place: those with at most so many others before them.
  const auto excluded_before = [&](Offset chosen_index) {
    if (chosen_index == chosen_count) return static_cast<Offset>(excluded.size());
    Offset low = 0;
    Offset high = static_cast<Offset>(excluded.size());
    while (low < high) {
      const Offset middle = (low + high) / 2;
      if (excluded[middle] - middle <= chosen[chosen_index]) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  for_each_part(parts, [&](int part) {
    const Offset begin = part_begin(chosen_count, part, parts);
    const Offset end = part_begin(chosen_count, part + 1, parts);
    Offset e = part == 0 ? 0 : excluded_before(begin);
    for (Offset c = begin; c < end; ++c) {
      for (; e < static_cast<Offset>(excluded.size()) && excluded[e] - e <= chosen[c]; ++e)
        all[c + e] = excluded[e];
      all[c + e] = chosen[c] + e;
    }
    for (const Offset last = excluded_before(end); e < last; ++e) all[end + e] = excluded[e];
  });
  return all;
}

}  // namespace plexus
