#include "src/support/library_settings.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace plexus {

namespace {

/// @return whether the environment has changed
bool set_waiting() {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return false;
  constexpr const char* looks = "5000";
  return setenv("GOMP_SPINCOUNT", looks, 1) == 0;
}

/// @return whether the environment has changed
bool set_page_size() {
  const std::string tunable = "glibc.malloc.hugetlb";
  const char* given = std::getenv("GLIBC_TUNABLES");
  std::string tunables = given == nullptr ? "" : given;
  if (tunables.find(tunable) != std::string::npos) return false;
  if (!tunables.empty()) tunables += ':';
  tunables += tunable + "=1";
  return setenv("GLIBC_TUNABLES", tunables.c_str(), 1) == 0;
}

}  // namespace

void set_up_libraries(char** argv) {
#ifdef __linux__
  const bool waiting = set_waiting();
  const bool pages = set_page_size();
  if (waiting || pages) execv("/proc/self/exe", argv);
#endif
}

}  // namespace plexus
