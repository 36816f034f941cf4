#define PLEXUS_KERNEL_SET avx512
#define PLEXUS_KERNEL_NAME "avx512"
#define PLEXUS_KERNEL_ARITHMETIC "fma"
#define PLEXUS_KERNEL_DENSE_SHARDS 4
#include "src/sparse/kernels_impl.hpp"
