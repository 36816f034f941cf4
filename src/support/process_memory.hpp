#pragma once

#include <cstdint>

namespace plexus {

/// Memory that this process has in use, in bytes as the system counts them; 0 where it does not tell.
struct ProcessMemory {
  std::int64_t now = 0;
  std::int64_t peak = 0;  ///< the most since it started
};

[[nodiscard]] ProcessMemory process_memory();

}  // namespace plexus
