#pragma once

#include <string>
#include <vector>

#include "tests/bench/measure.hpp"

namespace plexus::bench {

// A part is one question to the machine and one table. It returns rows by name, each with its columns by
// name; a figure is an object with a median. A row with nothing but "note" is a remark.

[[nodiscard]] Json roofs(const Bench& bench);
[[nodiscard]] Json layers(const Bench& bench);
[[nodiscard]] Json batches(const Bench& bench);
[[nodiscard]] Json connections(const Bench& bench);
[[nodiscard]] Json comparison(const Bench& bench);
[[nodiscard]] Json densities(const Bench& bench);
[[nodiscard]] Json initialisation(const Bench& bench);
[[nodiscard]] Json rewiring(const Bench& bench);
/// Collective: the only part that more than one rank can run.
[[nodiscard]] Json epoch(const Bench& bench);
[[nodiscard]] Json memory(const Bench& bench);

/// Adds how much faster each way of running is than one rank of one thread, if that was measured too.
void add_speed_ups(Json& epoch_rows);

struct Part {
  const char* name;
  const char* title;
  const char* explanation;
  Json (*run)(const Bench& bench);
  void (*complete)(Json& rows) = nullptr;  ///< adds what depends on earlier runs; `rows` holds theirs as well
};

/// All parts, in the order in which they run and are shown.
[[nodiscard]] const std::vector<Part>& parts();

}  // namespace plexus::bench
