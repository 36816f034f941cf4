#define PLEXUS_KERNEL_SET avx512
#define PLEXUS_KERNEL_NAME "avx512"
#define PLEXUS_KERNEL_ARITHMETIC "fma"
#define PLEXUS_KERNEL_WIDE 1
#include "src/sparse/kernels_impl.hpp"
