#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/support/types.hpp"

namespace plexus {

/// A sparse matrix in CSR form as the kernels see it.
struct CsrView {
  const Offset* row_ptrs;
  const Index* col_idxs;
  const Real* values;
};

/// A dense row-major matrix as the kernels see it.
struct DenseView {
  const Real* values;
  Index cols;
};

/// Neurons [begin, end) of a layer; threads work on disjoint ranges.
struct RowRange {
  Index begin;
  Index end;
};

/// Values of a layer in slab order (`Slabs`): `stride` elements from one shard to the next.
struct ConstSlabView {
  const Real* values;
  Offset stride;
};
struct SlabView {
  Real* values;
  Offset stride;
};

/// How gradients of one shard become integers whose sum does not depend on any order.
struct FixedPoint {
  double scale;  ///< 2^exponent: one unit of the integer is 1 / scale
  double limit;  ///< magnitudes of scaled shard gradients must stay below, at most 2^51
};

/// What a gradient kernel met.
enum class GradientCheck : std::uint8_t {
  ok = 0,
  out_of_range = 1,  ///< a shard's gradient reached `FixedPoint::limit`, or was not finite
};

/// Everything that depends on the instruction set. The order of every floating-point sum is fixed by the code
/// and the same in all sets; sets of the same `arithmetic` therefore give the same bits.
struct Kernels {
  const char* name;        ///< "baseline", "avx2" or "avx512"
  const char* arithmetic;  ///< "fma" or "mul-add": whether products are rounded before they are added

  /// Y = W X + b for the rows in range: sums start from the bias (0 when null) and run over ascending
  /// columns.
  void (*sparse_product)(CsrView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y,
                         Index shards);
  void (*dense_product)(DenseView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y,
                        Index shards);

  /// dX = W^T delta for the columns in range, over ascending rows; the matrix has at least one row.
  void (*dense_transposed_product)(DenseView w, Index rows, RowRange cols, ConstSlabView delta, SlabView dx,
                                   Index shards);

  /// Gradient at the stored connections of the rows in range: sum over samples of delta(row) x(col), one
  /// shard after the other. Exact: each shard's sum is rounded to fixed point, the integers are added.
  GradientCheck (*sparse_gradient_exact)(CsrView w, RowRange rows, ConstSlabView delta, ConstSlabView x,
                                         Index shards, FixedPoint unit, std::int64_t* gradient);
  void (*sparse_gradient_fast)(CsrView w, RowRange rows, ConstSlabView delta, ConstSlabView x, Index shards,
                               Real* gradient);

  /// The same for all cells of a dense matrix. `x` is given sample by sample: [shard][sample][padded_cols]
  /// with padded_cols a multiple of 16.
  GradientCheck (*dense_gradient_exact)(RowRange rows, Index cols, ConstSlabView delta,
                                        const Real* x_by_sample, Index padded_cols, Index shards,
                                        FixedPoint unit, std::int64_t* gradient);
  void (*dense_gradient_fast)(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                              Index padded_cols, Index shards, Real* gradient);

  /// Sum over samples of delta(row).
  GradientCheck (*bias_gradient_exact)(RowRange rows, ConstSlabView delta, Index shards, FixedPoint unit,
                                       std::int64_t* gradient);
  void (*bias_gradient_fast)(RowRange rows, ConstSlabView delta, Index shards, Real* gradient);

  /// Draws dropout masks: bit i of mask[shard * mask_stride + row] says whether sample i keeps neuron `row`.
  /// The draw for (sample, neuron) is word (id mod 4) of Philox4x32-10 with counter (sample, id / 4): the
  /// same as `RandomStream::words`. A word below `threshold` drops.
  void (*dropout_mask)(RowRange rows, const NeuronId* row_ids, const std::int64_t* samples, Index shards,
                       const std::uint32_t* key, std::uint32_t threshold, std::uint16_t* mask,
                       Offset mask_stride);
  /// Multiplies values of kept samples by `scale` and sets the others to 0.
  void (*apply_mask)(RowRange rows, const std::uint16_t* mask, Offset mask_stride, Real scale,
                     SlabView values, Index shards);
};

/// The kernels this process uses: the best set that the processor has, or the one that the environment
/// variable PLEXUS_ISA names (for tests and for clusters of mixed machines).
/// @throws InputError if PLEXUS_ISA names a set that does not exist or that the processor lacks.
const Kernels& kernels();

/// All sets that this processor can run.
std::vector<const Kernels*> available_kernels();

}  // namespace plexus
