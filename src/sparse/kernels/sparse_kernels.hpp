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

/// Connections a row from which on a product takes four of them at a time. Measured.
constexpr Offset long_row = 16;

template <int lines, Reach x_reach, bool by_fours>
PLEXUS_INLINE void product_of_rows(CsrView w, RowRange rows, const Real* bias, const Real* x, Real* y) {
  constexpr Offset stride = lines * line_samples;
  const Offset first = w.row_ptrs[rows.begin];
  const Offset last = w.row_ptrs[rows.end] - 1;
  const auto source = [&](Offset p) __attribute__((always_inline)) { return x + w.col_idxs[p] * stride; };
  for (Index row = rows.begin; row < rows.end; ++row) {
    Lanes sum[lines];
    for (int q = 0; q < lines; ++q) sum[q] = filled(bias != nullptr ? bias[row] : Real{0});
    const auto add = [&](Offset p, const Real* lines_of_x) __attribute__((always_inline)) {
      const Real value = w.values[p - first];
      for (int q = 0; q < lines; ++q) sum[q] += value * load(lines_of_x + q * line_samples);
    };
    const Offset end = w.row_ptrs[row + 1];
    Offset p = w.row_ptrs[row];
    if constexpr (by_fours) {
      for (; p + 4 <= end; p += 4) {
        const Real* sources[4] = {source(p), source(p + 1), source(p + 2), source(p + 3)};
        each_of<4>([&]<int k>() __attribute__((always_inline)) { compute_once(sources[k]); });
        each_of<4>([&]<int k>() __attribute__((always_inline)) { add(p + k, sources[k]); });
      }
    }
    for (; p < end; ++p) {
      if constexpr (x_reach == Reach::far)
        fetch_to_l2<lines>(source(p + far_distance < last ? p + far_distance : last));
      add(p, source(p));
    }
    for (int q = 0; q < lines; ++q) store(y + row * stride + q * line_samples, sum[q]);
  }
}

void sparse_product(CsrView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y, Reach x_reach) {
  with_lines(
      x.lines, [&]<int lines>() __attribute__((always_inline)) {
        if (x_reach == Reach::far) {
          product_of_rows<lines, Reach::far, false>(w, rows, bias, x.values, y.values);
        } else if (w.row_ptrs[rows.end] - w.row_ptrs[rows.begin] < long_row * (rows.end - rows.begin)) {
          product_of_rows<lines, Reach::near, false>(w, rows, bias, x.values, y.values);
        } else {
          product_of_rows<lines, Reach::near, true>(w, rows, bias, x.values, y.values);
        }
      });
}

/// Rows between the one at work and that whose sums, in the order of a tile, are asked for.
constexpr Index rows_ahead = 8;

template <int lines, Reach y_reach>
PLEXUS_INLINE void product_of_tile(TileView w, Index rows, const Real* bias, const Real* x, Real* y) {
  constexpr Offset stride = lines * line_samples;
  const std::uint16_t* col = w.cols;
  const Real* value = w.values;
  for (Index i = 0; i < rows; ++i) {
    if constexpr (y_reach == Reach::far)
      fetch_to_l1<lines>(y + w.rows[i + rows_ahead < rows ? i + rows_ahead : rows - 1] * stride);
    Real* place = y + w.rows[i] * stride;
    Lanes sum[lines];
    for (int q = 0; q < lines; ++q)
      sum[q] = bias != nullptr ? filled(bias[w.rows[i]]) : load(place + q * line_samples);
    for (const Real* end = value + w.counts[i]; value < end; ++value, ++col) {
      const Real* source = x + *col * stride;
      for (int q = 0; q < lines; ++q) sum[q] += *value * load(source + q * line_samples);
    }
    for (int q = 0; q < lines; ++q) store(place + q * line_samples, sum[q]);
  }
}

void sparse_product_of_tile(TileView w, Index rows, const Real* bias, ConstSlabView x, SlabView y,
                            Reach y_reach) {
  with_lines(
      x.lines, [&]<int lines>() __attribute__((always_inline)) {
        if (y_reach == Reach::far) {
          product_of_tile<lines, Reach::far>(w, rows, bias, x.values, y.values);
        } else {
          product_of_tile<lines, Reach::near>(w, rows, bias, x.values, y.values);
        }
      });
}

/// What a backward pass over one slab is given.
template <class Sums>
struct Backward {
  CsrView by_col;
  RowRange cols;
  ConstSlabView delta;
  ConstSlabView x;
  SlabView dx;
  Sums sums;
  Output output;
  typename Sums::Value* gradient;
};

/// Goes through the connections of a backward pass over the lines [first, first + lines) of a slab of `slab`
/// lines, column after column: X and dX of the column at work stay in registers, each delta is loaded once
/// and used for both. Sums over samples are made for some connections at a time, of whatever columns.
template <class Sums, int slab, int first, int lines, bool with_dx, Reach reach>
class Columns {
 public:
  PLEXUS_INLINE explicit Columns(const Backward<Sums>& pass) : pass_(pass), col_(pass.cols.begin) {
    end_ = pass.by_col.row_ptrs[pass.cols.end];
    begin_column();
  }

  PLEXUS_INLINE void run() {
    // What the first lines of the slab have put there, the others are added to.
    const Output output = first == 0 ? pass_.output : Output::add;
    Offset p = pass_.by_col.row_ptrs[pass_.cols.begin];
    typename Sums::Value* gradient = pass_.gradient;
    const auto next = [&]<int count>() __attribute__((always_inline)) {
      some<count>(p, output, gradient);
      p += count;
      gradient += count;
    };
    while (p + group <= end_) next.template operator()<group>();
    if constexpr (group >= 16) {
      if (p + 8 <= end_) next.template operator()<8>();
    }
    if constexpr (group >= 8) {
      if (p + 4 <= end_) next.template operator()<4>();
    }
    if (p + 2 <= end_) next.template operator()<2>();
    if (p < end_) next.template operator()<1>();
    end_column();
    while (++col_ < pass_.cols.end) {
      begin_column();
      end_column();
    }
  }

 private:
  static constexpr Offset stride = slab * line_samples;
  static constexpr int unit = Sums::unit_lines < lines ? Sums::unit_lines : lines;
  static constexpr int units = (lines + unit - 1) / unit;
  static_assert(units <= 2);
  /// Whether one addition of two vectors makes the first sums of both units.
  static constexpr bool beside = side_by_side<slab> && units == 2;
  static constexpr bool many = PLEXUS_KERNEL_WIDE && reach == Reach::near;
  /// Connections whose sums are made together. Where lines come from far away, fewer were faster.
  static constexpr int group = units == 1 ? (many && lines <= shard_lines ? 16 : 8) : (many ? 8 : 4);

  PLEXUS_INLINE const Real* source(Offset p) const {
    return pass_.delta.values + pass_.by_col.col_idxs[p] * stride + first * line_samples;
  }

  PLEXUS_INLINE void begin_column() {
    col_end_ = pass_.by_col.row_ptrs[col_ + 1];
    const Real* x = pass_.x.values + col_ * stride + first * line_samples;
    each_of<lines>([&]<int q>() __attribute__((always_inline)) {
      x_[q] = load(x + q * line_samples);
      dx_[q] = filled(0);
    });
  }
  PLEXUS_INLINE void end_column() {
    if constexpr (with_dx) {
      Real* dx = pass_.dx.values + col_ * stride + first * line_samples;
      each_of<lines>([&]<int q>() __attribute__((always_inline)) { store(dx + q * line_samples, dx_[q]); });
    }
  }

  /// The connection `distance` behind p, or p itself where there are not `count` of them.
  template <int count>
  PLEXUS_INLINE Offset ahead(Offset p, Offset distance) const {
    return p + distance + count <= end_ ? p + distance : p;
  }

  /// Adds connection p, the next one, to dX.
  /// @param product  out: the sum of delta x, per unit or, `beside`, of even lines and of odd ones
  PLEXUS_INLINE void connection(Offset p, Lanes (&product)[units]) {
    while (__builtin_expect(p == col_end_, 0)) {
      end_column();
      ++col_;
      begin_column();
    }
    const Real weight = pass_.by_col.values[p];
    const Real* here = source(p);
    // Each sum begins with 0: of two products that meet in an addition, the compiler would choose which one
    // to round first.
    each_of<units>([&]<int u>() __attribute__((always_inline)) { product[u] = filled(0); });
    each_of<lines>([&]<int q>() __attribute__((always_inline)) {
      Lanes d = load(here + q * line_samples);
      if constexpr (with_dx) {
        load_once(d);
        dx_[q] += weight * d;
      }
      product[beside ? q % 2 : q / unit] += x_[q] * d;
    });
  }

  /// Gradients of the `count` connections from p on, at most `group`.
  template <int count>
  PLEXUS_INLINE void some(Offset p, Output output, typename Sums::Value* gradient) {
    const Offset near = ahead<count>(p, near_distance);
    const Offset far = ahead<count>(p, far_distance);
    const auto product_of = [&](int i, Lanes(&product)[units]) __attribute__((always_inline)) {
      if constexpr (reach == Reach::far) fetch_to_l2<lines>(source(far + i));
      fetch_to_l1<lines>(source(near + i));
      connection(p + i, product);
    };
    if constexpr (units == 1 && count <= 8) {
      const Half eight = sums_of_eight([&]<int i>() __attribute__((always_inline)) {
        if constexpr (i >= count) return Half{};
        Lanes product[units];
        product_of(i, product);
        return fold(product[0]);
      });
      pass_.sums.template put<count>(eight, output, gradient);
#if PLEXUS_KERNEL_WIDE
    } else if constexpr (units == 1) {
      const Lanes sixteen = half_sums_of_eight([&]<int i>() __attribute__((always_inline)) {
        Lanes even[units];
        Lanes odd[units];
        product_of(2 * i, even);
        product_of(2 * i + 1, odd);
        return fold_both(even[0], odd[0]);
      });
      pass_.sums.template put<8>(interleaved<0>(sixteen), output, gradient);
      pass_.sums.template put<8>(interleaved<4>(sixteen), output, gradient + 8);
    } else if constexpr (count == 8) {
      const Lanes pairs = half_sums_of_eight([&]<int i>() __attribute__((always_inline)) {
        Lanes product[units];
        product_of(i, product);
        if constexpr (beside) return product[0] + product[1];
        return fold_both(product[0], product[1]);
      });
      pass_.sums.put_pairs(pairs, output, gradient);
#endif
    } else {
      const Half pairs = half_sums_of_four([&]<int i>() __attribute__((always_inline)) {
        if constexpr (i >= count) return Half{};
        Lanes product[units];
        product_of(i, product);
        if constexpr (beside) {
          product[0] += product[1];
          return join_fours(low(product[0]), high(product[0]));
        }
        return join_fours(fold(product[0]), fold(product[1]));
      });
      pass_.sums.template put_pairs<count>(pairs, output, gradient);
    }
  }

  const Backward<Sums>& pass_;
  Offset end_;  ///< of the connections
  Index col_;   ///< at work
  Offset col_end_;
  Lanes x_[lines];
  Lanes dx_[lines];
};

/// A function of its own, as the compiler keeps more in registers where it has less to look at.
template <class Sums, int slab, int first, int lines, bool with_dx, Reach reach>
__attribute__((noinline)) void backward_lines(const Backward<Sums>& pass) {
  Columns<Sums, slab, first, lines, with_dx, reach>(pass).run();
}

/// As many lines at once as the registers of the set hold; but all of a full slab, as a shard has a part of
/// each: what the registers do not hold stays in the L1 cache.
template <class Sums, int slab, bool with_dx, Reach reach>
PLEXUS_INLINE void backward_slab(const Backward<Sums>& pass) {
  constexpr int at_once = PLEXUS_KERNEL_WIDE != 0 || side_by_side<slab> ? 4 : 2;
  constexpr int begin = slab < at_once ? slab : at_once;
  backward_lines<Sums, slab, 0, begin, with_dx, reach>(pass);
  if constexpr (slab > begin) backward_lines<Sums, slab, begin, slab - begin, with_dx, reach>(pass);
}

template <class Sums>
PLEXUS_INLINE void sparse_backward(const Backward<Sums>& pass, Reach delta_reach) {
  if (pass.cols.begin == pass.cols.end) return;
  with_lines(
      pass.x.lines, [&]<int lines>() __attribute__((always_inline)) {
        const auto with = [&]<bool with_dx>() __attribute__((always_inline)) {
          if (delta_reach == Reach::near) {
            backward_slab<Sums, lines, with_dx, Reach::near>(pass);
          } else {
            backward_slab<Sums, lines, with_dx, Reach::far>(pass);
          }
        };
        if (pass.dx.values != nullptr) {
          with.template operator()<true>();
        } else {
          with.template operator()<false>();
        }
      });
}

void sparse_backward_exact(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x, SlabView dx,
                           Reach delta_reach, double scale, Output output, std::int64_t* gradient) {
  sparse_backward<ExactSums>({by_col, cols, delta, x, dx, {scale}, output, gradient}, delta_reach);
}

void sparse_backward_fast(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x, SlabView dx,
                          Reach delta_reach, Output output, Real* gradient) {
  sparse_backward<FastSums>({by_col, cols, delta, x, dx, {}, output, gradient}, delta_reach);
}

}  // namespace
}  // namespace plexus::PLEXUS_KERNEL_SET
