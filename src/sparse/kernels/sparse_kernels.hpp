// The kernels of sparse layers. Part of kernels_impl.hpp.
#pragma once

#include "src/sparse/kernels/sums.hpp"

namespace plexus::PLEXUS_KERNEL_SET {
namespace {

/// Asks for lines of a slab that a kernel comes to later.
template <int lines>
PLEXUS_INLINE void fetch_to_l1(const Real* place) {
  for (int q = 0; q < lines; ++q) __builtin_prefetch(place + q * line_samples, 0, 3);
}
template <int lines>
PLEXUS_INLINE void fetch_to_l2(const Real* place) {
  for (int q = 0; q < lines; ++q) __builtin_prefetch(place + q * line_samples, 0, 2);
}

/// Connections between the one at work and those whose lines are asked for.
constexpr Offset near_distance = 16;
constexpr Offset far_distance = 64;

void sparse_product(CsrView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y, Reach x_reach) {
  with_lines(
      x.lines, [&]<int lines>() __attribute__((always_inline)) {
        constexpr Offset stride = lines * line_samples;
        const Offset last = w.row_ptrs[rows.end] - 1;
        for (Index row = rows.begin; row < rows.end; ++row) {
          Lanes sum[lines];
          for (int q = 0; q < lines; ++q) sum[q] = filled(bias != nullptr ? bias[row] : Real{0});
          const Offset end = w.row_ptrs[row + 1];
          for (Offset p = w.row_ptrs[row]; p < end; ++p) {
            if (x_reach == Reach::far) {
              const Offset later = p + far_distance < last ? p + far_distance : last;
              fetch_to_l2<lines>(x.values + w.col_idxs[later] * stride);
            }
            const Real value = w.values[p];
            const Real* source = x.values + w.col_idxs[p] * stride;
            for (int q = 0; q < lines; ++q) sum[q] += value * load(source + q * line_samples);
          }
          for (int q = 0; q < lines; ++q) store(y.values + row * stride + q * line_samples, sum[q]);
        }
      });
}

/// One column of a backward pass over the lines [first, first + lines) of a slab of `slab` lines: X and dX
/// of the column stay in registers, each delta is loaded once and used for both.
template <class Sums, int slab, int first, int lines, bool with_dx>
struct Column {
  static constexpr Offset stride = slab * line_samples;
  static constexpr int unit = Sums::unit_lines < lines ? Sums::unit_lines : lines;
  static constexpr int units = (lines + unit - 1) / unit;
  static_assert(units <= 2);

  CsrView by_col;
  Offset last;  ///< connection of the range
  const Real* delta;
  Reach reach;
  Lanes x[lines];
  Lanes dx[lines];

  PLEXUS_INLINE const Real* source(Offset p) const {
    return delta + by_col.col_idxs[p] * stride + first * line_samples;
  }

  /// Adds connection p to dX. @param products  out: per unit, the sum of delta x, folded
  PLEXUS_INLINE void connection(Offset p, Half (&products)[units]) {
    if (reach == Reach::far) fetch_to_l2<lines>(source(p + far_distance < last ? p + far_distance : last));
    fetch_to_l1<lines>(source(p + near_distance < last ? p + near_distance : last));
    const Real weight = by_col.values[p];
    const Real* here = source(p);
    // Each sum begins with 0: of two products that meet in an addition, the compiler would choose which one
    // to round first.
    Lanes product[units];
    for (int u = 0; u < units; ++u) product[u] = filled(0);
    for (int q = 0; q < lines; ++q) {
      const Lanes d = load(here + q * line_samples);
      if constexpr (with_dx) dx[q] += weight * d;
      product[q / unit] += x[q] * d;
    }
    for (int u = 0; u < units; ++u) products[u] = fold(product[u]);
  }

  /// Gradients of `count` connections from p on, at most `group`.
  static constexpr int group = units == 1 ? 8 : 4;
  template <int count>
  PLEXUS_INLINE void some(Offset p, Sums sums, Output output, typename Sums::Value* gradient) {
    if constexpr (units == 1) {
      const Half eight = sums_of_eight([&]<int i>() __attribute__((always_inline)) {
        Half products[1] = {Half{}};
        if constexpr (i < count) connection(p + i, products);
        return products[0];
      });
      sums.template put<count>(eight, output, gradient);
    } else {
      const Half pairs = half_sums_of_four([&]<int i>() __attribute__((always_inline)) {
        if constexpr (i >= count) return Half{};
        Half products[2];
        connection(p + i, products);
        return join_fours(products[0], products[1]);
      });
      sums.template put_pairs<count>(pairs, output, gradient);
    }
  }
};

template <class Sums, int slab, int first, int lines, bool with_dx>
PLEXUS_INLINE void backward_lines(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x,
                                  SlabView dx, Reach reach, Sums sums, Output output,
                                  typename Sums::Value* gradient) {
  using Part = Column<Sums, slab, first, lines, with_dx>;
  const Offset origin = by_col.row_ptrs[cols.begin];
  for (Index col = cols.begin; col < cols.end; ++col) {
    const Offset place = col * Part::stride + first * line_samples;
    Part part;
    part.by_col = by_col;
    part.last = by_col.row_ptrs[cols.end] - 1;
    part.delta = delta.values;
    part.reach = reach;
    for (int q = 0; q < lines; ++q) {
      part.x[q] = load(x.values + place + q * line_samples);
      part.dx[q] = filled(0);
    }
    Offset p = by_col.row_ptrs[col];
    const Offset end = by_col.row_ptrs[col + 1];
    const auto some = [&]<int count>() __attribute__((always_inline)) {
      part.template some<count>(p, sums, output, gradient + (p - origin));
      p += count;
    };
    while (p + Part::group <= end) some.template operator()<Part::group>();
    if constexpr (Part::group == 8) {
      if (p + 4 <= end) some.template operator()<4>();
    }
    if (p + 2 <= end) some.template operator()<2>();
    if (p < end) some.template operator()<1>();
    if constexpr (with_dx) {
      for (int q = 0; q < lines; ++q) store(dx.values + place + q * line_samples, part.dx[q]);
    }
  }
}

/// As many lines at once as the registers of the set hold.
template <class Sums, int slab, bool with_dx>
PLEXUS_INLINE void backward_slab(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x,
                                 SlabView dx, Reach reach, Sums sums, Output output,
                                 typename Sums::Value* gradient) {
  constexpr int at_once = PLEXUS_KERNEL_WIDE != 0 ? 4 : 2;
  constexpr int begin = slab < at_once ? slab : at_once;
  backward_lines<Sums, slab, 0, begin, with_dx>(by_col, cols, delta, x, dx, reach, sums, output, gradient);
  if constexpr (slab > begin) {
    backward_lines<Sums, slab, begin, slab - begin, with_dx>(by_col, cols, delta, x, dx, reach, sums,
                                                             Output::add, gradient);
  }
}

template <class Sums>
PLEXUS_INLINE void sparse_backward(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x,
                                   SlabView dx, Reach reach, Sums sums, Output output,
                                   typename Sums::Value* gradient) {
  with_lines(
      x.lines, [&]<int lines>() __attribute__((always_inline)) {
        if (dx.values != nullptr) {
          backward_slab<Sums, lines, true>(by_col, cols, delta, x, dx, reach, sums, output, gradient);
        } else {
          backward_slab<Sums, lines, false>(by_col, cols, delta, x, dx, reach, sums, output, gradient);
        }
      });
}

void sparse_backward_exact(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x, SlabView dx,
                           Reach delta_reach, double scale, Output output, std::int64_t* gradient) {
  sparse_backward(by_col, cols, delta, x, dx, delta_reach, ExactSums{scale}, output, gradient);
}

void sparse_backward_fast(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x, SlabView dx,
                          Reach delta_reach, Output output, Real* gradient) {
  sparse_backward(by_col, cols, delta, x, dx, delta_reach, FastSums{}, output, gradient);
}

}  // namespace
}  // namespace plexus::PLEXUS_KERNEL_SET
