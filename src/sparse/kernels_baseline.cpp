#define PLEXUS_KERNEL_SET baseline
#define PLEXUS_KERNEL_NAME "baseline"
#define PLEXUS_KERNEL_ARITHMETIC "mul-add"
#define PLEXUS_KERNEL_WIDE 0
#include "src/sparse/kernels_impl.hpp"
