// The kernels, compiled once per instruction set: each source file that includes this one defines
// PLEXUS_KERNEL_SET (a namespace name), PLEXUS_KERNEL_WIDE (1 where registers hold a whole line) and is
// compiled with the flags of its set.
//
// Only builtin types, raw pointers, intrinsics and functions of `kernels/`: any other inline function,
// compiled with wider instructions, could be picked by the linker for the whole program.
#pragma once

#include "src/sparse/kernels/dense_kernels.hpp"
#include "src/sparse/kernels/dropout_kernels.hpp"
#include "src/sparse/kernels/neuron_kernels.hpp"
#include "src/sparse/kernels/sparse_kernels.hpp"

namespace plexus::PLEXUS_KERNEL_SET {

extern const Kernels table;
const Kernels table = {PLEXUS_KERNEL_NAME,
                       PLEXUS_KERNEL_ARITHMETIC,
                       sparse_product,
                       sparse_product_of_tile,
                       dense_product,
                       sparse_backward_exact,
                       sparse_backward_fast,
                       dense_transposed_product,
                       dense_gradient_exact,
                       dense_gradient_fast,
                       bias_gradient_exact,
                       bias_gradient_fast,
                       largest_magnitudes,
                       transpose_samples,
                       dropout_mask,
                       apply_mask};

}  // namespace plexus::PLEXUS_KERNEL_SET
