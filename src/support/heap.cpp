#include "src/support/heap.hpp"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace plexus {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int megabyte = 1 << 20;
  mallopt(M_TRIM_THRESHOLD, 128 * megabyte);
  mallopt(M_MMAP_THRESHOLD, 32 * megabyte);  // the greatest that is allowed
#endif
}

}  // namespace plexus
