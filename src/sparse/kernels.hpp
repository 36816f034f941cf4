#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/sparse/slabs.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// A sparse matrix in CSR form as the kernels see it.
struct CsrView {
  const Offset* row_ptrs;
  const Index* col_idxs;
  const Real* values;
};

/// Some rows of a block in one tile of columns (`ColumnTiles`) as the kernels see them.
struct TileView {
  const std::uint8_t* rows;     ///< each row, counted from the first of the block
  const std::uint16_t* counts;  ///< connections of each row
  const std::uint16_t* cols;    ///< of the connections, row after row, counted from the first of the tile
  const Real* values;           ///< the same
};

/// A dense row-major matrix as the kernels see it.
struct DenseView {
  const Real* values;
  Index cols;
};

/// Whether a kernel's gradients replace what the output holds or are added to it.
enum class Output { set, add };

/// Where a slab lies whose neurons a kernel takes in no order: in a cache of the core or near it, or far
/// away, so that its lines must be asked for long before they are needed.
enum class Reach { near, far };

/// Everything that depends on the instruction set. The order of every floating-point sum is fixed by the code
/// and the same in all sets; sets of the same `arithmetic` therefore give the same bits.
struct Kernels {
  const char* name;        ///< "baseline", "avx2" or "avx512"
  const char* arithmetic;  ///< "fma" or "mul-add": whether products are rounded before they are added

  /// Y = W X + b for the rows in range: sums start from the bias (0 when null) and run over ascending
  /// columns.
  /// @param w  its values are those of `rows` alone, from the first connection of the first row on
  void (*sparse_product)(CsrView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y,
                         Reach x_reach);
  /// The same for some rows and the columns of one tile: after all tiles, in order, Y has the bits that
  /// `sparse_product` makes.
  /// @param rows  how many
  /// @param bias  of the block, for the first tile; null for the others, whose sums go on from what Y holds
  /// @param x     the columns of the tile
  /// @param y     the rows of the block
  void (*sparse_product_of_tile)(TileView w, Index rows, const Real* bias, ConstSlabView x, SlabView y,
                                 Reach y_reach);
  void (*dense_product)(DenseView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y);

  /// One pass over the connections of the columns in range, given column by column (`by_col` is W^T in CSR
  /// form): dX = W^T delta over ascending rows, where dx has values, and the gradient at the connections, sum
  /// over samples of delta(row) x(col).
  /// Exact: the sum of each shard is rounded to a multiple of 1 / scale, and the integers are added. Wherever
  /// shard_samples |x| |delta| scale < 2^51 the integers hold; what does not fit wraps around.
  /// @param gradient  of the connections of the range, the first one first
  void (*sparse_backward_exact)(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x,
                                SlabView dx, Reach delta_reach, double scale, Output output,
                                std::int64_t* gradient);
  void (*sparse_backward_fast)(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x,
                               SlabView dx, Reach delta_reach, Output output, Real* gradient);

  /// dX = W^T delta for the columns in range, over ascending rows; the matrix has at least one row.
  void (*dense_transposed_product)(DenseView w, Index rows, RowRange cols, ConstSlabView delta, SlabView dx);

  /// Gradient at all cells of the rows in range of a dense matrix. `x` is given sample by sample:
  /// [sample of the slab][padded_cols] with padded_cols a multiple of line_samples.
  /// @param gradient  of the rows of the range, row-major
  void (*dense_gradient_exact)(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                               Index padded_cols, double scale, Output output, std::int64_t* gradient);
  void (*dense_gradient_fast)(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                              Index padded_cols, Output output, Real* gradient);

  /// Sum over samples of delta(row). @param gradient  of the rows of the range
  void (*bias_gradient_exact)(RowRange rows, ConstSlabView delta, double scale, Output output,
                              std::int64_t* gradient);
  void (*bias_gradient_fast)(RowRange rows, ConstSlabView delta, Output output, Real* gradient);

  /// Raises largest[shard] to the largest magnitude in each shard of the slab; what is not a number counts as
  /// infinite.
  void (*largest_magnitudes)(RowRange rows, ConstSlabView values, Real* largest);

  /// Takes some features of samples into a slab.
  /// @param samples  all features of the sample of each lane of `x`; null for lanes that become 0
  /// @param x        the neurons of those features alone
  void (*transpose_samples)(const float* const* samples, RowRange features, SlabView x);

  /// Draws dropout masks: bit i of mask[row * lines + line] says whether lane i of the line keeps neuron
  /// `row`. The draw for (sample, neuron) is word (id mod 4) of Philox4x32-10 with counter (sample, id / 4):
  /// the same as `RandomStream::words`. A word below `threshold` drops.
  /// @param samples  the number of each lane's sample
  void (*dropout_mask)(RowRange rows, const NeuronId* row_ids, const std::int64_t* samples, Index lines,
                       const std::uint32_t* key, std::uint32_t threshold, std::uint16_t* mask);
  /// Multiplies values of kept samples by `scale` and sets the others to 0.
  void (*apply_mask)(RowRange rows, const std::uint16_t* mask, Real scale, SlabView values);
};

/// The kernels this process uses: the best set that the processor has, or the one that the environment
/// variable PLEXUS_ISA names (for tests and for clusters of mixed machines).
/// @throws InputError if PLEXUS_ISA names a set that does not exist or that the processor lacks.
const Kernels& kernels();

/// All sets that this processor can run.
std::vector<const Kernels*> available_kernels();

}  // namespace plexus
