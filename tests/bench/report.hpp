#pragma once

#include <filesystem>
#include <string>

#include "tests/bench/measure.hpp"

namespace plexus::bench {

/// The figures as a table for people: Markdown that can also be read as plain text.
[[nodiscard]] std::string table_of(const Json& results);

/// What earlier runs left in `directory`; the start of a new collection where they left nothing.
/// @param origin  machine and settings, which all figures of a collection have in common
/// @throws InputError if there is a bench.json of another origin, or one that cannot be read
[[nodiscard]] Json collected(const std::filesystem::path& directory, const Json& origin);

/// Writes bench.json and table.md into `directory`, which is made.
/// @throws InputError if that is not possible
void write_results(const std::filesystem::path& directory, const Json& results);

}  // namespace plexus::bench
