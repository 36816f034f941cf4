#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace plexus {

/// The member of `known` with the smallest edit distance to `name`; empty when none is close enough to be
/// meant.
[[nodiscard]] std::string nearest(std::string_view name, const std::vector<std::string>& known);

/// "Did you mean 'x'? Known: a, b, x." with the first sentence only where something is near.
[[nodiscard]] std::string known_names_hint(std::string_view name, const std::vector<std::string>& known);

/// 1234567 -> "1,234,567".
[[nodiscard]] std::string with_separators(std::int64_t number);

/// 0.00151 -> "1.51 ms".
[[nodiscard]] std::string as_time(double seconds);

/// 1536 -> "1.5 KiB".
[[nodiscard]] std::string as_bytes(std::int64_t bytes);

/// 3725.4 -> "1:02:05"; below a minute "12.3 s".
[[nodiscard]] std::string as_duration(double seconds);

}  // namespace plexus
