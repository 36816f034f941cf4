// The kernels, compiled once per instruction set: each source file that includes this one defines
// PLEXUS_KERNEL_SET (a namespace name) and is compiled with the flags of its set.
//
// Only builtin types and raw pointers here: an inline function of the standard library compiled with wider
// instructions could be picked by the linker for the whole program.
#pragma once

#include "src/sparse/kernels.hpp"
#include "src/sparse/slabs.hpp"

namespace plexus::PLEXUS_KERNEL_SET {
namespace {

typedef Real Lanes __attribute__((vector_size(16 * sizeof(Real)), aligned(64)));
typedef Real Half __attribute__((vector_size(8 * sizeof(Real))));
typedef double Double8 __attribute__((vector_size(64)));
typedef std::int64_t Long8 __attribute__((vector_size(64)));
typedef std::uint64_t Unsigned8 __attribute__((vector_size(64)));
typedef std::uint32_t Words __attribute__((vector_size(64)));
typedef std::uint64_t WideWords __attribute__((vector_size(128)));

#define PLEXUS_INLINE inline __attribute__((always_inline))

PLEXUS_INLINE Lanes load(const Real* place) { return *reinterpret_cast<const Lanes*>(place); }
PLEXUS_INLINE void store(Real* place, Lanes value) { *reinterpret_cast<Lanes*>(place) = value; }

PLEXUS_INLINE Half load_half(const Real* place) { return *reinterpret_cast<const Half*>(place); }
PLEXUS_INLINE Half low(Lanes v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
PLEXUS_INLINE Half high(Lanes v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }

/// Lane i of the result is the sum over the 16 samples of v[i], always added as the same balanced tree:
/// halves, quarters, pairs.
PLEXUS_INLINE Half sums_of_eight(const Half* v) {
  Half pairs[4];
  for (int i = 0; i < 4; ++i) {
    pairs[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11) +
               __builtin_shufflevector(v[2 * i], v[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  Half fours[2];
  for (int i = 0; i < 2; ++i) {
    fours[i] = __builtin_shufflevector(pairs[2 * i], pairs[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13) +
               __builtin_shufflevector(pairs[2 * i], pairs[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  const Half mixed = __builtin_shufflevector(fours[0], fours[1], 0, 2, 8, 10, 4, 6, 12, 14) +
                     __builtin_shufflevector(fours[0], fours[1], 1, 3, 9, 11, 5, 7, 13, 15);
  return __builtin_shufflevector(mixed, mixed, 0, 4, 1, 5, 2, 6, 3, 7);
}

/// Adds eight gradients to an accumulator. Integers of magnitude below 2^51 come out of the mantissa of
/// value + 1.5 * 2^52, rounded to nearest even. Unsigned, so that what does not fit may wrap around: it is
/// thrown away.
struct ExactSum {
  Unsigned8 sum = {};
  PLEXUS_INLINE void add(Half gradients, FixedPoint unit, Long8& bad) {
    const Double8 scaled = __builtin_convertvector(gradients, Double8) * unit.scale;
    bad |= ~((scaled < unit.limit) & (scaled > -unit.limit));
    const Double8 magic = {0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52};
    sum += reinterpret_cast<Unsigned8>(scaled + magic) - reinterpret_cast<Unsigned8>(magic);
  }
};

struct FastSum {
  Half sum = {};
  PLEXUS_INLINE void add(Half gradients, FixedPoint, Long8&) { sum += gradients; }
};

PLEXUS_INLINE GradientCheck verdict(Long8 bad) {
  std::int64_t any = 0;
  for (int i = 0; i < 8; ++i) any |= bad[i];
  return any == 0 ? GradientCheck::ok : GradientCheck::out_of_range;
}

/// Calls f.template operator()<Q>(first shard) with as many shards at a time as registers allow.
template <int most, class F>
PLEXUS_INLINE void for_shards(Index shards, F&& f) {
  Index s = 0;
  if constexpr (most >= 4) {
    for (; s + 4 <= shards; s += 4) f.template operator()<4>(s);
    for (; s + 3 <= shards; s += 3) f.template operator()<3>(s);
  }
  if constexpr (most >= 2) {
    for (; s + 2 <= shards; s += 2) f.template operator()<2>(s);
  }
  for (; s < shards; ++s) f.template operator()<1>(s);
}

void sparse_product(CsrView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y, Index shards) {
  for_shards<4>(shards, [&]<int Q>(Index first) {
    const Real* xs = x.values + first * x.stride;
    Real* ys = y.values + first * y.stride;
    for (Index row = rows.begin; row < rows.end; ++row) {
      Lanes sum[Q];
      for (int q = 0; q < Q; ++q) sum[q] = Lanes{} + (bias != nullptr ? bias[row] : Real{0});
      const Offset end = w.row_ptrs[row + 1];
      for (Offset p = w.row_ptrs[row]; p < end; ++p) {
        const Real value = w.values[p];
        const Real* source = xs + static_cast<Offset>(w.col_idxs[p]) * shard_samples;
        for (int q = 0; q < Q; ++q) sum[q] += value * load(source + q * x.stride);
      }
      for (int q = 0; q < Q; ++q) store(ys + static_cast<Offset>(row) * shard_samples + q * y.stride, sum[q]);
    }
  });
}

template <int Q, int R>
PLEXUS_INLINE void dense_rows(DenseView w, Index row, const Real* bias, const Real* xs, Offset x_stride,
                              Real* ys, Offset y_stride) {
  Lanes sum[R][Q];
  for (int r = 0; r < R; ++r) {
    for (int q = 0; q < Q; ++q) sum[r][q] = Lanes{} + (bias != nullptr ? bias[row + r] : Real{0});
  }
  const Real* values = w.values + static_cast<Offset>(row) * w.cols;
  for (Index col = 0; col < w.cols; ++col) {
    for (int q = 0; q < Q; ++q) {
      const Lanes source = load(xs + static_cast<Offset>(col) * shard_samples + q * x_stride);
      for (int r = 0; r < R; ++r) sum[r][q] += values[static_cast<Offset>(r) * w.cols + col] * source;
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int q = 0; q < Q; ++q)
      store(ys + static_cast<Offset>(row + r) * shard_samples + q * y_stride, sum[r][q]);
  }
}

void dense_product(DenseView w, RowRange rows, const Real* bias, ConstSlabView x, SlabView y, Index shards) {
  for_shards<PLEXUS_KERNEL_DENSE_SHARDS>(shards, [&]<int Q>(Index first) {
    const Real* xs = x.values + first * x.stride;
    Real* ys = y.values + first * y.stride;
    Index row = rows.begin;
    for (; row + 4 <= rows.end; row += 4) dense_rows<Q, 4>(w, row, bias, xs, x.stride, ys, y.stride);
    for (; row < rows.end; ++row) dense_rows<Q, 1>(w, row, bias, xs, x.stride, ys, y.stride);
  });
}

/// Adds the part of R rows to the columns in range: dx(col) += w(row, col) delta(row), ascending rows.
template <int Q, int R>
PLEXUS_INLINE void dense_columns(DenseView w, Index row, RowRange cols, const Real* ds, Offset d_stride,
                                 Real* dxs, Offset dx_stride) {
  Lanes delta[R][Q];
  for (int r = 0; r < R; ++r) {
    for (int q = 0; q < Q; ++q) {
      delta[r][q] = load(ds + static_cast<Offset>(row + r) * shard_samples + q * d_stride);
    }
  }
  const Real* values = w.values + static_cast<Offset>(row) * w.cols;
  for (Index col = cols.begin; col < cols.end; ++col) {
    Real* out = dxs + static_cast<Offset>(col) * shard_samples;
    for (int q = 0; q < Q; ++q) {
      Lanes sum = row == 0 ? Lanes{} : load(out + q * dx_stride);
      for (int r = 0; r < R; ++r) sum += values[static_cast<Offset>(r) * w.cols + col] * delta[r][q];
      store(out + q * dx_stride, sum);
    }
  }
}

void dense_transposed_product(DenseView w, Index rows, RowRange cols, ConstSlabView delta, SlabView dx,
                              Index shards) {
  constexpr int block = PLEXUS_KERNEL_DENSE_SHARDS >= 4 ? 8 : 4;  // rows whose deltas fit in registers
  for_shards<PLEXUS_KERNEL_DENSE_SHARDS>(shards, [&]<int Q>(Index first) {
    const Real* ds = delta.values + first * delta.stride;
    Real* dxs = dx.values + first * dx.stride;
    Index row = 0;
    for (; row + block <= rows; row += block) {
      dense_columns<Q, block>(w, row, cols, ds, delta.stride, dxs, dx.stride);
    }
    for (; row < rows; ++row) dense_columns<Q, 1>(w, row, cols, ds, delta.stride, dxs, dx.stride);
  });
}

/// Gradients of the connections [p, p + 8) of one row; places beyond the row's end repeat its last
/// connection.
template <class Sum>
PLEXUS_INLINE Sum eight_connections(const Index* col_idxs, Offset p, Offset end, Index row,
                                    ConstSlabView delta, ConstSlabView x, Index shards, FixedPoint unit,
                                    Long8& bad) {
  Offset sources[8];
  for (int i = 0; i < 8; ++i) {
    sources[i] = static_cast<Offset>(col_idxs[p + i < end ? p + i : end - 1]) * shard_samples;
  }
  Sum sum;
  for (Index s = 0; s < shards; ++s) {
    const Real* ds = delta.values + s * delta.stride + static_cast<Offset>(row) * shard_samples;
    const Half d_low = load_half(ds);
    const Half d_high = load_half(ds + 8);
    const Real* xs = x.values + s * x.stride;
    Half halves[8];
    for (int i = 0; i < 8; ++i) {
      halves[i] = d_low * load_half(xs + sources[i]) + d_high * load_half(xs + sources[i] + 8);
    }
    sum.add(sums_of_eight(halves), unit, bad);
  }
  return sum;
}

template <class Sum, class Out>
PLEXUS_INLINE GradientCheck sparse_gradient(CsrView w, RowRange rows, ConstSlabView delta, ConstSlabView x,
                                            Index shards, FixedPoint unit, Out* gradient) {
  Long8 bad = {};
  for (Index row = rows.begin; row < rows.end; ++row) {
    const Offset end = w.row_ptrs[row + 1];
    for (Offset p = w.row_ptrs[row]; p < end; p += 8) {
      const Sum eight = eight_connections<Sum>(w.col_idxs, p, end, row, delta, x, shards, unit, bad);
      const int count = end - p < 8 ? static_cast<int>(end - p) : 8;
      for (int i = 0; i < count; ++i) gradient[p + i] = static_cast<Out>(eight.sum[i]);
    }
  }
  return verdict(bad);
}

GradientCheck sparse_gradient_exact(CsrView w, RowRange rows, ConstSlabView delta, ConstSlabView x,
                                    Index shards, FixedPoint unit, std::int64_t* gradient) {
  return sparse_gradient<ExactSum>(w, rows, delta, x, shards, unit, gradient);
}

void sparse_gradient_fast(CsrView w, RowRange rows, ConstSlabView delta, ConstSlabView x, Index shards,
                          Real* gradient) {
  sparse_gradient<FastSum>(w, rows, delta, x, shards, FixedPoint{}, gradient);
}

/// Gradients of R rows x 16 columns of a dense matrix: samples in ascending order inside a shard.
template <class Sum, int R, class Out>
PLEXUS_INLINE void dense_tile(Index row, Index col, Index cols, ConstSlabView delta, const Real* x_by_sample,
                              Index padded_cols, Index shards, FixedPoint unit, Long8& bad, Out* gradient) {
  Sum sums[R][2];
  for (Index s = 0; s < shards; ++s) {
    const Real* xs = x_by_sample + static_cast<Offset>(s) * shard_samples * padded_cols + col;
    const Real* ds = delta.values + s * delta.stride + static_cast<Offset>(row) * shard_samples;
    Lanes tile[R] = {};
    for (int sample = 0; sample < shard_samples; ++sample) {
      const Lanes source = load(xs + static_cast<Offset>(sample) * padded_cols);
      for (int r = 0; r < R; ++r) tile[r] += ds[r * shard_samples + sample] * source;
    }
    for (int r = 0; r < R; ++r) {
      sums[r][0].add(low(tile[r]), unit, bad);
      sums[r][1].add(high(tile[r]), unit, bad);
    }
  }
  const int count = cols - col < 16 ? cols - col : 16;
  for (int r = 0; r < R; ++r) {
    Out* out = gradient + static_cast<Offset>(row + r) * cols + col;
    for (int i = 0; i < count; ++i) out[i] = static_cast<Out>(sums[r][i / 8].sum[i % 8]);
  }
}

template <class Sum, class Out>
PLEXUS_INLINE GradientCheck dense_gradient(RowRange rows, Index cols, ConstSlabView delta,
                                           const Real* x_by_sample, Index padded_cols, Index shards,
                                           FixedPoint unit, Out* gradient) {
  Long8 bad = {};
  Index row = rows.begin;
  for (; row + 4 <= rows.end; row += 4) {
    for (Index col = 0; col < cols; col += 16) {
      dense_tile<Sum, 4>(row, col, cols, delta, x_by_sample, padded_cols, shards, unit, bad, gradient);
    }
  }
  for (; row < rows.end; ++row) {
    for (Index col = 0; col < cols; col += 16) {
      dense_tile<Sum, 1>(row, col, cols, delta, x_by_sample, padded_cols, shards, unit, bad, gradient);
    }
  }
  return verdict(bad);
}

GradientCheck dense_gradient_exact(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                                   Index padded_cols, Index shards, FixedPoint unit, std::int64_t* gradient) {
  return dense_gradient<ExactSum>(rows, cols, delta, x_by_sample, padded_cols, shards, unit, gradient);
}

void dense_gradient_fast(RowRange rows, Index cols, ConstSlabView delta, const Real* x_by_sample,
                         Index padded_cols, Index shards, Real* gradient) {
  dense_gradient<FastSum>(rows, cols, delta, x_by_sample, padded_cols, shards, FixedPoint{}, gradient);
}

template <class Sum, class Out>
PLEXUS_INLINE GradientCheck bias_gradient(RowRange rows, ConstSlabView delta, Index shards, FixedPoint unit,
                                          Out* gradient) {
  Long8 bad = {};
  for (Index row = rows.begin; row < rows.end; row += 8) {
    const int count = rows.end - row < 8 ? static_cast<int>(rows.end - row) : 8;
    Sum sum;
    for (Index s = 0; s < shards; ++s) {
      Half halves[8];
      for (int i = 0; i < 8; ++i) {
        const Index source = i < count ? row + i : rows.end - 1;
        const Lanes d = load(delta.values + s * delta.stride + static_cast<Offset>(source) * shard_samples);
        halves[i] = low(d) + high(d);
      }
      sum.add(sums_of_eight(halves), unit, bad);
    }
    for (int i = 0; i < count; ++i) gradient[row + i] = static_cast<Out>(sum.sum[i]);
  }
  return verdict(bad);
}

GradientCheck bias_gradient_exact(RowRange rows, ConstSlabView delta, Index shards, FixedPoint unit,
                                  std::int64_t* gradient) {
  return bias_gradient<ExactSum>(rows, delta, shards, unit, gradient);
}

void bias_gradient_fast(RowRange rows, ConstSlabView delta, Index shards, Real* gradient) {
  bias_gradient<FastSum>(rows, delta, shards, FixedPoint{}, gradient);
}

struct PhiloxBlock {
  Words word[4];
};

/// Philox4x32-10 for 16 counters side by side; one key (Salmon et al., SC'11).
PLEXUS_INLINE PhiloxBlock philox(PhiloxBlock c, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const WideWords product0 = __builtin_convertvector(c.word[0], WideWords) * 0xD2511F53ULL;
    const WideWords product1 = __builtin_convertvector(c.word[2], WideWords) * 0xCD9E8D57ULL;
    const Words high0 = __builtin_convertvector(product0 >> 32, Words);
    const Words high1 = __builtin_convertvector(product1 >> 32, Words);
    c = {{high1 ^ c.word[1] ^ key0, c.word[2] * 0xCD9E8D57U, high0 ^ c.word[3] ^ key1,
          c.word[0] * 0xD2511F53U}};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return c;
}

void dropout_mask(RowRange rows, const NeuronId* row_ids, const std::int64_t* samples, Index shards,
                  const std::uint32_t* key, std::uint32_t threshold, std::uint16_t* mask,
                  Offset mask_stride) {
  for (Index s = 0; s < shards; ++s) {
    Words sample_low;
    Words sample_high;
    for (int i = 0; i < shard_samples; ++i) {
      const auto sample = static_cast<std::uint64_t>(samples[s * shard_samples + i]);
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
      const Words kept = block.word[id % 4] >= threshold;
      unsigned bits = 0;
      for (int i = 0; i < shard_samples; ++i) bits |= (kept[i] & 1U) << i;
      mask[s * mask_stride + row] = static_cast<std::uint16_t>(bits);
    }
  }
}

void apply_mask(RowRange rows, const std::uint16_t* mask, Offset mask_stride, Real scale, SlabView values,
                Index shards) {
  typedef decltype(Lanes{} < Lanes{}) Chosen;
  const Chosen lane_bits = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                            1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  for (Index s = 0; s < shards; ++s) {
    for (Index row = rows.begin; row < rows.end; ++row) {
      Real* place = values.values + s * values.stride + static_cast<Offset>(row) * shard_samples;
      const Chosen kept = ((Chosen{} + mask[s * mask_stride + row]) & lane_bits) != 0;
      store(place, kept ? load(place) * scale : Lanes{});
    }
  }
}

}  // namespace

extern const Kernels table;
const Kernels table = {PLEXUS_KERNEL_NAME,
                       PLEXUS_KERNEL_ARITHMETIC,
                       sparse_product,
                       dense_product,
                       dense_transposed_product,
                       sparse_gradient_exact,
                       sparse_gradient_fast,
                       dense_gradient_exact,
                       dense_gradient_fast,
                       bias_gradient_exact,
                       bias_gradient_fast,
                       dropout_mask,
                       apply_mask};

}  // namespace plexus::PLEXUS_KERNEL_SET
