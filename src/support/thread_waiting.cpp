#include "src/support/thread_waiting.hpp"

#include <unistd.h>

#include <cstdlib>

namespace plexus {

void wait_briefly(char** argv) {
#ifdef __linux__
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  constexpr const char* looks = "5000";
  if (setenv("GOMP_SPINCOUNT", looks, 1) == 0) execv("/proc/self/exe", argv);
#endif
}

}  // namespace plexus
