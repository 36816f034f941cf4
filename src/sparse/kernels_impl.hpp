// The kernels, compiled once per instruction set: each source file that includes this one defines
// PLEXUS_KERNEL_SET (a namespace name), PLEXUS_KERNEL_WIDE (1 where registers hold a whole line) and is
// compiled with the flags of its set.
//
// Only builtin types, raw pointers, intrinsics and functions of this file: any other inline function,
// compiled with wider instructions, could be picked by the linker for the whole program.
#pragma once

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "src/sparse/kernels.hpp"

namespace plexus::PLEXUS_KERNEL_SET {
namespace {

typedef Real Half __attribute__((vector_size(8 * sizeof(Real))));
typedef Real AnyHalf __attribute__((vector_size(8 * sizeof(Real)), aligned(sizeof(Real))));
typedef Real Quad __attribute__((vector_size(4 * sizeof(Real))));
typedef decltype(Half{} < Half{}) HalfBits;
typedef double Double4 __attribute__((vector_size(32)));
typedef std::uint64_t Unsigned4 __attribute__((vector_size(32)));
typedef std::uint32_t Words __attribute__((vector_size(64)));

#define PLEXUS_INLINE inline __attribute__((always_inline))

// A line: one neuron's values for 16 samples.
#if PLEXUS_KERNEL_WIDE
typedef Real Lanes __attribute__((vector_size(16 * sizeof(Real)), aligned(64)));
PLEXUS_INLINE Lanes load(const Real* place) { return *reinterpret_cast<const Lanes*>(place); }
PLEXUS_INLINE void store(Real* place, Lanes v) { *reinterpret_cast<Lanes*>(place) = v; }
PLEXUS_INLINE Lanes filled(Real value) { return Lanes{} + value; }
PLEXUS_INLINE Half low(Lanes v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
PLEXUS_INLINE Half high(Lanes v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }
#else
struct Lanes {
  Half first;
  Half second;
};
PLEXUS_INLINE Lanes load(const Real* place) {
  return {*reinterpret_cast<const Half*>(place), *reinterpret_cast<const Half*>(place + 8)};
}
PLEXUS_INLINE void store(Real* place, Lanes v) {
  *reinterpret_cast<Half*>(place) = v.first;
  *reinterpret_cast<Half*>(place + 8) = v.second;
}
PLEXUS_INLINE Lanes filled(Real value) { return {Half{} + value, Half{} + value}; }
PLEXUS_INLINE Half low(Lanes v) { return v.first; }
PLEXUS_INLINE Half high(Lanes v) { return v.second; }
PLEXUS_INLINE Lanes operator*(Lanes a, Lanes b) { return {a.first * b.first, a.second * b.second}; }
PLEXUS_INLINE Lanes operator*(Real a, Lanes b) { return {a * b.first, a * b.second}; }
PLEXUS_INLINE void operator+=(Lanes& sum, Lanes v) {
  sum.first += v.first;
  sum.second += v.second;
}
#endif

/// A view's values of one neuron.
PLEXUS_INLINE const Real* lines_of_neuron(ConstSlabView view, Index neuron) {
  return view.values + static_cast<Offset>(neuron) * view.lines * line_samples;
}
PLEXUS_INLINE Real* lines_of_neuron(SlabView view, Index neuron) {
  return view.values + static_cast<Offset>(neuron) * view.lines * line_samples;
}

/// Calls f.template operator()<lines>() with the number of lines as a constant.
template <class F>
PLEXUS_INLINE void with_lines(Index lines, F&& f) {
  static_assert(slab_lines == 4);
  switch (lines) {
    case 1:
      f.template operator()<1>();
      break;
    case 2:
      f.template operator()<2>();
      break;
    case 3:
      f.template operator()<3>();
      break;
    default:
      f.template operator()<4>();
  }
}

// Sums over the 16 samples of a line, always added as the same balanced tree. The first addition is that of
// the two halves; the three others are made for eight vectors at once, each step joining two vectors that
// hold the sums of one or more lines into one vector that holds them all.
PLEXUS_INLINE Half fold(Lanes v) { return low(v) + high(v); }
PLEXUS_INLINE Half join_fours(Half a, Half b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 12, 13, 14, 15) +
         __builtin_shufflevector(a, b, 4, 5, 6, 7, 8, 9, 10, 11);
}
PLEXUS_INLINE Half join_pairs(Half a, Half b) {
  return __builtin_shufflevector(a, b, 0, 1, 10, 11, 4, 5, 14, 15) +
         __builtin_shufflevector(a, b, 2, 3, 8, 9, 6, 7, 12, 13);
}
PLEXUS_INLINE Half join_ones(Half a, Half b) {
  return __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14) +
         __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15);
}

/// Lane i of the result is the sum of leaf(i) over its lanes. Leaves are asked for in ascending order, and
/// each is joined as soon as it can be.
template <class Leaf>
PLEXUS_INLINE Half sums_of_eight(Leaf&& leaf) {
  const auto two = [&]<int i>() __attribute__((always_inline)) {
    const Half a = leaf.template operator()<i>();
    const Half b = leaf.template operator()<i + 1>();
    return join_fours(a, b);
  };
  const auto four = [&]<int i>() __attribute__((always_inline)) {
    const Half a = two.template operator()<i>();
    const Half b = two.template operator()<i + 2>();
    return join_pairs(a, b);
  };
  const Half a = four.template operator()<0>();
  const Half b = four.template operator()<4>();
  const Half sums = join_ones(a, b);  // of leaves 0, 2, 4, 6, 1, 3, 5, 7
  return __builtin_shufflevector(sums, sums, 0, 4, 1, 5, 2, 6, 3, 7);
}

/// Lane i of the result is the sum of the first half of leaf(i), lane 4 + i that of its second half.
template <class Leaf>
PLEXUS_INLINE Half half_sums_of_four(Leaf&& leaf) {
  const auto two = [&]<int i>() __attribute__((always_inline)) {
    const Half a = leaf.template operator()<i>();
    const Half b = leaf.template operator()<i + 1>();
    return join_pairs(a, b);
  };
  const Half a = two.template operator()<0>();
  const Half b = two.template operator()<2>();
  return join_ones(a, b);
}

/// Turns sums of shards into what a gradient output holds. Integers of magnitude below 2^51 come out of the
/// mantissa of value + 1.5 * 2^52, rounded to nearest even. Unsigned, so that what does not fit may wrap
/// around.
struct ExactSums {
  using Value = std::int64_t;
  static constexpr int unit_lines = shard_lines;  ///< lines that are added before rounding
  double scale;

  static PLEXUS_INLINE Value sum(Value a, Value b) {
    return static_cast<Value>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
  PLEXUS_INLINE Unsigned4 rounded(Quad sums) const {
    const Double4 magic = {0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52};
    return reinterpret_cast<Unsigned4>(__builtin_convertvector(sums, Double4) * scale + magic) -
           reinterpret_cast<Unsigned4>(magic);
  }
  /// Writes the first `count` of eight sums.
  template <int count>
  PLEXUS_INLINE void put(Half sums, Output output, Value* out) const {
    const Unsigned4 parts[2] = {rounded(__builtin_shufflevector(sums, sums, 0, 1, 2, 3)),
                                rounded(__builtin_shufflevector(sums, sums, 4, 5, 6, 7))};
    if (output == Output::set) {
      for (int i = 0; i < count; ++i) out[i] = static_cast<Value>(parts[i / 4][i % 4]);
    } else {
      for (int i = 0; i < count; ++i) out[i] = sum(out[i], static_cast<Value>(parts[i / 4][i % 4]));
    }
  }
  /// The same for four pairs of sums, lanes i and 4 + i.
  template <int count>
  PLEXUS_INLINE void put_pairs(Half sums, Output output, Value* out) const {
    const Unsigned4 total = rounded(__builtin_shufflevector(sums, sums, 0, 1, 2, 3)) +
                            rounded(__builtin_shufflevector(sums, sums, 4, 5, 6, 7));
    if (output == Output::set) {
      for (int i = 0; i < count; ++i) out[i] = static_cast<Value>(total[i]);
    } else {
      for (int i = 0; i < count; ++i) out[i] = sum(out[i], static_cast<Value>(total[i]));
    }
  }
};

struct FastSums {
  using Value = Real;
  static constexpr int unit_lines = slab_lines;

  static PLEXUS_INLINE Value sum(Value a, Value b) { return a + b; }
  template <int count>
  PLEXUS_INLINE void put(Half sums, Output output, Value* out) const {
    if (output == Output::set) {
      for (int i = 0; i < count; ++i) out[i] = sums[i];
    } else {
      for (int i = 0; i < count; ++i) out[i] += sums[i];
    }
  }
};

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
  const Offset stride = static_cast<Offset>(x.lines) * line_samples;
  for_dense_lines(
      x.lines, [&]<int lines>(Index first) __attribute__((always_inline)) {
        const Real* xs = x.values + first * line_samples;
        Real* ys = y.values + first * line_samples;
        Index row = rows.begin;
        for (; row + 4 <= rows.end; row += 4) dense_rows<lines, 4>(w, row, bias, xs, ys, stride);
        for (; row < rows.end; ++row) dense_rows<lines, 1>(w, row, bias, xs, ys, stride);
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
  constexpr int block = PLEXUS_KERNEL_WIDE ? 6 : 4;  // rows whose deltas fit in registers
  const Offset stride = static_cast<Offset>(delta.lines) * line_samples;
  for_dense_lines(
      delta.lines, [&]<int lines>(Index first) __attribute__((always_inline)) {
        const Real* ds = delta.values + first * line_samples;
        Real* dxs = dx.values + first * line_samples;
        Index row = 0;
        for (; row + block <= rows; row += block) dense_columns<lines, block>(w, row, cols, ds, dxs, stride);
        for (; row < rows; ++row) dense_columns<lines, 1>(w, row, cols, ds, dxs, stride);
      });
}

/// Gradients of R rows x 16 columns of a dense matrix: samples in ascending order inside a unit of lines.
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
      for (int r = 0; r < R; ++r) tile[r] += delta[r * delta_lines * line_samples + sample] * source;
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

template <class Sums>
PLEXUS_INLINE void bias_gradient(RowRange rows, ConstSlabView delta, Sums sums, Output output,
                                 typename Sums::Value* gradient) {
  for (Index first = 0; first < delta.lines; first += Sums::unit_lines) {
    const Index end = first + Sums::unit_lines < delta.lines ? first + Sums::unit_lines : delta.lines;
    for (Index row = rows.begin; row < rows.end; row += 8) {
      const Half eight = sums_of_eight([&]<int i>() __attribute__((always_inline)) {
        if (row + i >= rows.end) return Half{};
        const Real* source = lines_of_neuron(delta, row + i);
        Lanes sum = load(source + first * line_samples);
        for (Index q = first + 1; q < end; ++q) sum += load(source + q * line_samples);
        return fold(sum);
      });
      typename Sums::Value values[8];
      sums.template put<8>(eight, Output::set, values);
      for (Index i = 0; i < 8 && row + i < rows.end; ++i) {
        auto& out = gradient[row + i - rows.begin];
        out = output == Output::set && first == 0 ? values[i] : Sums::sum(out, values[i]);
      }
    }
  }
}

void bias_gradient_exact(RowRange rows, ConstSlabView delta, double scale, Output output,
                         std::int64_t* gradient) {
  bias_gradient(rows, delta, ExactSums{scale}, output, gradient);
}

void bias_gradient_fast(RowRange rows, ConstSlabView delta, Output output, Real* gradient) {
  bias_gradient(rows, delta, FastSums{}, output, gradient);
}

/// The bits of magnitudes are ordered as the magnitudes are, infinities and what is not a number above all.
PLEXUS_INLINE HalfBits magnitude_bits(Half v) {
  const HalfBits sign = reinterpret_cast<HalfBits>(-Half{});
  return reinterpret_cast<HalfBits>(v) & ~sign;
}

void largest_magnitudes(RowRange rows, ConstSlabView values, Real* largest) {
  with_lines(
      values.lines, [&]<int lines>() __attribute__((always_inline)) {
        HalfBits most[lines] = {};
        for (Index row = rows.begin; row < rows.end; ++row) {
          const Real* place = values.values + static_cast<Offset>(row) * lines * line_samples;
          for (int q = 0; q < lines; ++q) {
            const Lanes v = load(place + q * line_samples);
            const HalfBits first = magnitude_bits(low(v));
            const HalfBits second = magnitude_bits(high(v));
            const HalfBits larger = first > second ? first : second;
            most[q] = larger > most[q] ? larger : most[q];
          }
        }
        for (int q = 0; q < lines; ++q) {
          const Half magnitudes = reinterpret_cast<Half>(most[q]);
          for (int i = 0; i < 8; ++i) {
            if (!(magnitudes[i] <= largest[q])) {
              largest[q] =
                  magnitudes[i] == magnitudes[i] ? magnitudes[i] : static_cast<Real>(__builtin_inf());
            }
          }
        }
      });
}

void transpose_samples(const float* const* samples, Index present, Index features, SlabView x, Index line) {
  Index feature = 0;
  Real* out = x.values + line * line_samples;
  const Offset stride = static_cast<Offset>(x.lines) * line_samples;
  if constexpr (sizeof(Real) == sizeof(float)) {
    if (present == line_samples) {
      for (; feature + 8 <= features; feature += 8) {
        for (int half = 0; half < 2; ++half) {
          Half v[8];
          for (int i = 0; i < 8; ++i)
            v[i] = *reinterpret_cast<const AnyHalf*>(samples[8 * half + i] + feature);
          Half pairs[8];
          for (int i = 0; i < 8; i += 2) {
            pairs[i] = __builtin_shufflevector(v[i], v[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
            pairs[i + 1] = __builtin_shufflevector(v[i], v[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
          }
          Half fours[8];
          for (int i = 0; i < 8; i += 4) {
            for (int k = 0; k < 2; ++k) {
              fours[i + 2 * k] =
                  __builtin_shufflevector(pairs[i + k], pairs[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
              fours[i + 2 * k + 1] =
                  __builtin_shufflevector(pairs[i + k], pairs[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
            }
          }
          for (int i = 0; i < 4; ++i) {
            const Half first = __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
            const Half second = __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
            *reinterpret_cast<Half*>(out + (feature + i) * stride + 8 * half) = first;
            *reinterpret_cast<Half*>(out + (feature + i + 4) * stride + 8 * half) = second;
          }
        }
      }
    }
  }
  for (; feature < features; ++feature) {
    Real* lanes = out + feature * stride;
    for (Index i = 0; i < present; ++i) lanes[i] = samples[i][feature];
    for (Index i = present; i < line_samples; ++i) lanes[i] = 0;
  }
}

struct PhiloxBlock {
  Words word[4];
};

struct WideProduct {
  Words low;
  Words high;
};

/// Low and high halves of the products of 16 words with one factor.
PLEXUS_INLINE WideProduct wide_product(Words words, std::uint32_t factor) {
  typedef std::uint64_t Pairs __attribute__((vector_size(64)));
  const Pairs pairs = reinterpret_cast<Pairs>(words);
#if defined(__AVX512F__)
  const __m512i factors = _mm512_set1_epi32(static_cast<int>(factor));
  const Pairs even =
      reinterpret_cast<Pairs>(_mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(words), factors));
  const Pairs odd =
      reinterpret_cast<Pairs>(_mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(pairs >> 32), factors));
#else
  const Pairs even = (pairs & 0xFFFFFFFFU) * factor;
  const Pairs odd = (pairs >> 32) * factor;
#endif
  const Pairs low_half = Pairs{} + 0xFFFFFFFFU;
  return {reinterpret_cast<Words>((even & low_half) | (odd << 32)),
          reinterpret_cast<Words>((even >> 32) | (odd & ~low_half))};
}

/// Philox4x32-10 for 16 counters side by side; one key (Salmon et al., SC'11).
PLEXUS_INLINE PhiloxBlock philox(PhiloxBlock c, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const WideProduct first = wide_product(c.word[0], 0xD2511F53U);
    const WideProduct second = wide_product(c.word[2], 0xCD9E8D57U);
    c = {{second.high ^ c.word[1] ^ key0, second.low, first.high ^ c.word[3] ^ key1, first.low}};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return c;
}

/// Bit i of the result says whether lane i is `threshold` or more.
PLEXUS_INLINE std::uint16_t lanes_from(Words words, std::uint32_t threshold) {
#ifdef __AVX512F__
  return _mm512_cmpge_epu32_mask(reinterpret_cast<__m512i>(words),
                                 _mm512_set1_epi32(static_cast<int>(threshold)));
#else
  const Words kept = words >= threshold;
  const Words bits =
      kept & Words{1U << 0, 1U << 1, 1U << 2,  1U << 3,  1U << 4,  1U << 5,  1U << 6,  1U << 7,
                   1U << 8, 1U << 9, 1U << 10, 1U << 11, 1U << 12, 1U << 13, 1U << 14, 1U << 15};
  std::uint32_t all = 0;
  for (int i = 0; i < line_samples; ++i) all |= bits[i];
  return static_cast<std::uint16_t>(all);
#endif
}

void dropout_mask(RowRange rows, const NeuronId* row_ids, const std::int64_t* samples, Index lines,
                  const std::uint32_t* key, std::uint32_t threshold, std::uint16_t* mask) {
  for (Index line = 0; line < lines; ++line) {
    Words sample_low;
    Words sample_high;
    for (int i = 0; i < line_samples; ++i) {
      const auto sample = static_cast<std::uint64_t>(samples[line * line_samples + i]);
      sample_low[i] = static_cast<std::uint32_t>(sample);
      sample_high[i] = static_cast<std::uint32_t>(sample >> 32);
    }
    std::uint64_t drawn = ~std::uint64_t{0};
    PhiloxBlock block = {};
    for (Index row = rows.begin; row < rows.end; ++row) {
      const auto id = static_cast<std::uint64_t>(row_ids[row]);
      if (id / 4 != drawn) {
        drawn = id / 4;
        const Words neuron_low = Words{} + static_cast<std::uint32_t>(drawn);
        const Words neuron_high = Words{} + static_cast<std::uint32_t>(drawn >> 32);
        block = philox({{sample_low, sample_high, neuron_low, neuron_high}}, key[0], key[1]);
      }
      mask[static_cast<Offset>(row) * lines + line] = lanes_from(block.word[id % 4], threshold);
    }
  }
}

void apply_mask(RowRange rows, const std::uint16_t* mask, Real scale, SlabView values) {
  const HalfBits lane_bits = {1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7};
  for (Offset i = static_cast<Offset>(rows.begin) * values.lines;
       i < static_cast<Offset>(rows.end) * values.lines; ++i) {
    for (int half = 0; half < 2; ++half) {
      Half& place = *reinterpret_cast<Half*>(values.values + i * line_samples + 8 * half);
      const HalfBits kept = ((HalfBits{} + (mask[i] >> (8 * half))) & lane_bits) != 0;
      place = kept ? place * scale : Half{};
    }
  }
}

}  // namespace

extern const Kernels table;
const Kernels table = {PLEXUS_KERNEL_NAME,
                       PLEXUS_KERNEL_ARITHMETIC,
                       sparse_product,
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
