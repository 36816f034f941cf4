#pragma once

#include <span>
#include <string>

namespace plexus {

/// {0, 1, 2, 5} -> "0-2, 5". The numbers are ascending.
[[nodiscard]] std::string number_ranges(std::span<const int> numbers);

/// The ranks of a message: "rank 2 of 4", "ranks 0-2, 5 of 8", "all 4 ranks"; empty when there is only one
/// rank in all. `ranks` is ascending.
[[nodiscard]] std::string rank_names(std::span<const int> ranks, int size);

}  // namespace plexus
