// The kernels of dense layers. Part of kernels_impl.hpp.
#pragma once

#include "src/sparse/kernels/sums.hpp"

namespace plexus::PLEXUS_KERNEL_SET {
namespace {

/// Calls f.template operator()<R>(row) for blocks of R rows, at most `most` and of about equal size: few rows
/// alone leave the units that multiply waiting for one another.
template <int most, class F>
PLEXUS_INLINE void for_dense_blocks(RowRange rows, F&& f) {
  static_assert(most <= 6);
  Index row = rows.begin;
  for (Index left = (rows.end - row + most - 1) / most; left > 0; --left) {
    const Index count = (rows.end - row + left - 1) / left;
    switch (count) {
      case 1:
        f.template operator()<1>(row);
        break;
      case 2:
        f.template operator()<2>(row);
        break;
      case 3:
        f.template operator()<3>(row);
        break;
      case 4:
        f.template operator()<4>(row);
        break;
      case 5:
        if constexpr (most >= 5) f.template operator()<5>(row);
        break;
      default:
        if constexpr (most >= 6) f.template operator()<6>(row);
    }
    row += count;
  }
}

template <int lines, int R>
PLEXUS_INLINE void dense_rows(DenseView w, Index row, const Real* bias, const Real* x, Real* y,
                              Offset stride) {
  Lanes sum[R][lines];
  for (int r = 0; r < R; ++r) {
    for (int q = 0; q < lines; ++q) sum[r][q] = filled(bias != nullptr ? bias[row + r] : Real{0});
  }
  const Real* values = w.values + static_cast<Offset>(row) * w.cols;
  for (Index col = 0; col < w.cols; ++col) {
    for (int q = 0; q < lines; ++q) {
      const Lanes source = load(x + col * stride + q * line_samples);
      for (int r = 0; r < R; ++r) sum[r][q] += values[static_cast<Offset>(r) * w.cols + col] * source;
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int q = 0; q < lines; ++q) store(y + (row + r) * stride + q * line_samples, sum[r][q]);
  }
}

/// Calls f.template operator()<count>(first) for parts of the lines that fit the registers of dense kernels.
template <class F>
PLEXUS_INLINE void for_dense_lines(Index lines, F&& f) {
#if PLEXUS_KERNEL_WIDE
  with_lines(
      lines, [&]<int count>() __attribute__((always_inline)) { f.template operator()<count>(0); });
#else
  for (Index q = 0; q < lines; ++q) f.template operator()<1>(q);
#endif
}

void dense_product(DenseView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y) {
  constexpr int most = 6;  // rows whose sums fit in registers, next to a line and a weight
  const Offset stride = static_cast<Offset>(x.lines) * line_samples;
  for_dense_blocks<most>(
      rows, [&]<int R>(Index row) __attribute__((always_inline)) {
        for_dense_lines(
            x.lines, [&]<int lines>(Index first) __attribute__((always_inline)) {
              dense_rows<lines, R>(w, row, bias, x.values + first * line_samples,
                                   y.values + first * line_samples, stride);
            });
      });
}

/// Adds the part of R rows to the columns in range: dx(col) += w(row, col) delta(row), ascending rows.
template <int lines, int R>
PLEXUS_INLINE void dense_columns(DenseView w, Index row, RowRange cols, const Real* delta, Real* dx,
                                 Offset stride) {
  Lanes d[R][lines];
  for (int r = 0; r < R; ++r) {
    for (int q = 0; q < lines; ++q) d[r][q] = load(delta + (row + r) * stride + q * line_samples);
  }
  const Real* values = w.values + static_cast<Offset>(row) * w.cols;
  for (Index col = cols.begin; col < cols.end; ++col) {
    Real* out = dx + col * stride;
    for (int q = 0; q < lines; ++q) {
      Lanes sum = row == 0 ? filled(0) : load(out + q * line_samples);
      for (int r = 0; r < R; ++r) sum += values[static_cast<Offset>(r) * w.cols + col] * d[r][q];
      store(out + q * line_samples, sum);
    }
  }
}

void dense_transposed_product(DenseView w, Index rows, RowRange cols, ConstSlabView delta, SlabView dx) {
  constexpr int most = PLEXUS_KERNEL_WIDE ? 6 : 4;  // rows whose deltas fit in registers
  const Offset stride = static_cast<Offset>(delta.lines) * line_samples;
  for_dense_lines(
      delta.lines, [&]<int lines>(Index first) __attribute__((always_inline)) {
        for_dense_blocks<most>(
            {0, rows}, [&]<int R>(Index row) __attribute__((always_inline)) {
              dense_columns<lines, R>(w, row, cols, delta.values + first * line_samples,
                                      dx.values + first * line_samples, stride);
            });
      });
}

/// Gradients of R rows x 16 columns of a dense matrix: samples in ascending order inside a unit.
template <class Sums, int R>
PLEXUS_INLINE void dense_tile(const Real* delta, Index delta_lines, const Real* x_by_sample,
                              Index padded_cols, Index count, Index cols, Sums sums, Output output,
                              typename Sums::Value* gradient) {
  for (Index first = 0; first < delta_lines; first += Sums::unit_lines) {
    const Index end = first + Sums::unit_lines < delta_lines ? first + Sums::unit_lines : delta_lines;
    Lanes tile[R];
    for (int r = 0; r < R; ++r) tile[r] = filled(0);
    for (Index sample = first * line_samples; sample < end * line_samples; ++sample) {
      const Lanes source = load(x_by_sample + static_cast<Offset>(sample) * padded_cols);
      const Index lane = lane_of(sample, delta_lines);
      for (int r = 0; r < R; ++r) tile[r] += delta[r * delta_lines * line_samples + lane] * source;
    }
    for (int r = 0; r < R; ++r) {
      typename Sums::Value sixteen[line_samples];
      sums.template put<8>(low(tile[r]), Output::set, sixteen);
      sums.template put<8>(high(tile[r]), Output::set, sixteen + 8);
      typename Sums::Value* out = gradient + static_cast<Offset>(r) * cols;
      for (Index i = 0; i < count; ++i) {
        out[i] = output == Output::set && first == 0 ? sixteen[i] : Sums::sum(out[i], sixteen[i]);
      }
    }
  }
}

template <class Sums>
PLEXUS_INLINE void dense_gradient(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                                  Index padded_cols, Sums sums, Output output,
                                  typename Sums::Value* gradient) {
  const auto tiles = [&]<int R>(Index row) __attribute__((always_inline)) {
    for (Index col = 0; col < cols; col += line_samples) {
      dense_tile<Sums, R>(lines_of_neuron(delta, row), delta.lines, x_by_sample + col, padded_cols,
                          cols - col < line_samples ? cols - col : line_samples, cols, sums, output,
                          gradient + static_cast<Offset>(row - rows.begin) * cols + col);
    }
  };
  Index row = rows.begin;
  for (; row + 4 <= rows.end; row += 4) tiles.template operator()<4>(row);
  for (; row < rows.end; ++row) tiles.template operator()<1>(row);
}

void dense_gradient_exact(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                          Index padded_cols, double scale, Output output, std::int64_t* gradient) {
  dense_gradient(rows, cols, delta, x_by_sample, padded_cols, ExactSums{scale}, output, gradient);
}

void dense_gradient_fast(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                         Index padded_cols, Output output, Real* gradient) {
  dense_gradient(rows, cols, delta, x_by_sample, padded_cols, FastSums{}, output, gradient);
}

}  // namespace
}  // namespace plexus::PLEXUS_KERNEL_SET
