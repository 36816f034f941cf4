#include "src/support/library_settings.hpp"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

namespace plexus {

namespace {

/// @return whether the environment has changed
bool set_waiting() {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return false;
  constexpr const char* looks = "5000";
  return setenv("GOMP_SPINCOUNT", looks, 1) == 0;
}

struct Tunable {
  std::string_view name;
  std::string_view value;
  const char* variable;  ///< another way to choose it, which must not be overruled; may be null
};

/// Memory below the threshold, the greatest that the library takes, is kept when it is given back, up to 256
/// MiB of it.
constexpr std::array<Tunable, 3> tunables_of_memory = {
    {{"glibc.malloc.hugetlb", "1", nullptr},
     {"glibc.malloc.mmap_threshold", "33554432", "MALLOC_MMAP_THRESHOLD_"},
     {"glibc.malloc.trim_threshold", "268435456", "MALLOC_TRIM_THRESHOLD_"}}};

/// @return whether the environment has changed
bool set_memory() {
  constexpr const char* variable = "GLIBC_TUNABLES";
  const char* given = std::getenv(variable);
  std::string tunables = given == nullptr ? "" : given;
  const std::size_t given_size = tunables.size();
  for (const auto& [name, value, other] : tunables_of_memory) {
    if (tunables.find(name) != std::string::npos || (other != nullptr && std::getenv(other) != nullptr))
      continue;
    if (!tunables.empty()) tunables += ':';
    tunables.append(name).append("=").append(value);
  }
  return tunables.size() != given_size && setenv(variable, tunables.c_str(), 1) == 0;
}

}  // namespace

void set_up_libraries(char** argv) {
#ifdef __linux__
  const bool waiting = set_waiting();
  const bool memory = set_memory();
  if (waiting || memory) execv("/proc/self/exe", argv);
#endif
}

}  // namespace plexus
