#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "src/support/parallel.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The ascending positions below `count` that are marked. In parallel, without branches that nobody can
/// predict.
/// @param mark  mark(begin, end, marks) sets marks[i] to 1 or 0 for the position begin + i, for up to 1024
/// positions at a time. May be asked twice.
template <class Mark>
[[nodiscard]] std::vector<Offset> marked_positions(Offset count, Mark&& mark) {
  constexpr Offset block = 1024;
  const int parts = parts_for(count, least_part);
  const auto for_each_block = [&](int part, auto&& visit) {
    std::array<std::uint8_t, block> marks;
    const Offset part_end = part_begin(count, part + 1, parts);
    for (Offset begin = part_begin(count, part, parts); begin < part_end; begin += block) {
      const Offset end = std::min(begin + block, part_end);
      mark(begin, end, marks.data());
      visit(begin, marks.data(), static_cast<std::size_t>(end - begin));
    }
  };

  std::vector<Offset> places(static_cast<std::size_t>(parts) + 1, 0);
  for_each_part(parts, [&](int part) {
    Offset found = 0;
    for_each_block(part, [&](Offset, const std::uint8_t* marks, std::size_t size) {
      found += std::accumulate(marks, marks + size, 0);
    });
    places[part + 1] = found;
  });
  std::partial_sum(places.begin(), places.end(), places.begin());

  std::vector<Offset> positions(static_cast<std::size_t>(places.back()));
  for_each_part(parts, [&](int part) {
    Offset* to = positions.data() + places[part];
    std::array<Offset, block> found;
    for_each_block(part, [&](Offset begin, const std::uint8_t* marks, std::size_t size) {
      std::size_t number = 0;
      for (std::size_t i = 0; i < size; ++i) {
        found[number] = begin + static_cast<Offset>(i);
        number += marks[i];
      }
      to = std::copy_n(found.begin(), number, to);
    });
  });
  return positions;
}

/// `excluded`, and what stands at the places `chosen` among the numbers that are not excluded; all ascending.
/// In parallel.
[[nodiscard]] std::vector<Offset> with_chosen(const std::vector<Offset>& excluded,
                                              const std::vector<Offset>& chosen);

}  // namespace plexus
