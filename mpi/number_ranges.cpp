#include "mpi/number_ranges.hpp"

#include <fmt/format.h>

namespace plexus {

std::string number_ranges(std::span<const int> numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!text.empty()) text += ", ";
    text += last == i ? fmt::format("{}", numbers[i]) : fmt::format("{}-{}", numbers[i], numbers[last]);
    i = last + 1;
  }
  return text;
}

std::string rank_names(std::span<const int> ranks, int size) {
  if (size == 1) return "";
  if (ranks.size() == static_cast<std::size_t>(size)) return fmt::format("all {} ranks", size);
  return fmt::format("{} {} of {}", ranks.size() == 1 ? "rank" : "ranks", number_ranges(ranks), size);
}

}  // namespace plexus
