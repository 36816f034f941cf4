#define PLEXUS_KERNEL_SET avx2
#define PLEXUS_KERNEL_NAME "avx2"
#define PLEXUS_KERNEL_ARITHMETIC "fma"
#define PLEXUS_KERNEL_WIDE 0
#include "src/sparse/kernels_impl.hpp"
