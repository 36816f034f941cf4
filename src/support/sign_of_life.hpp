#pragma once

#include <atomic>
#include <cstdint>

namespace plexus {

namespace detail {
inline std::atomic<std::uint64_t> signs_of_life{0};
}

/// For each block of long work that knows no ranks, e.g. on a file: the watchdog of `mpi` counts these beside
/// its own. Any thread.
inline void sign_of_life() noexcept { detail::signs_of_life.fetch_add(1, std::memory_order_relaxed); }

/// How many there were.
[[nodiscard]] inline std::uint64_t signs_of_life() noexcept {
  return detail::signs_of_life.load(std::memory_order_relaxed);
}

}  // namespace plexus
