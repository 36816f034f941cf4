#pragma once

#include <cstdint>

#include "tests/bench/measure.hpp"

namespace plexus::bench {

/// Bytes of a data cache as one core sees it; 0 where the system does not say.
[[nodiscard]] std::int64_t cache_bytes(int level);

/// Bytes of memory that the machine has.
[[nodiscard]] std::int64_t memory_bytes();

/// Bytes of memory that this process holds now; memory it no longer needs is given back first.
[[nodiscard]] std::int64_t resident_bytes();

/// What kind of machine and program made the figures. Says nothing about the name of the machine or the time.
[[nodiscard]] Json machine();

/// A row that says why it could not be measured.
[[nodiscard]] Json too_large(double bytes_needed);

/// Whether the machine has room for so many bytes, and a quarter of its memory to spare.
[[nodiscard]] bool fits(double bytes);

}  // namespace plexus::bench
