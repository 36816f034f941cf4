// Kernels that go over the neurons of a layer or of the input. Part of kernels_impl.hpp.
#pragma once

#include "src/sparse/kernels/sums.hpp"

namespace plexus::PLEXUS_KERNEL_SET {
namespace {

/// Bias gradients of `count` rows, at most 8.
template <class Sums, int lines>
PLEXUS_INLINE void some_bias_gradients(const Real* source, Index count, Sums sums, Output output,
                                       typename Sums::Value* gradient) {
  constexpr int unit = Sums::unit_lines < lines ? Sums::unit_lines : lines;
  typename Sums::Value values[8] = {};
  for (int first = 0; first < lines; first += unit) {
    const int end = first + unit < lines ? first + unit : lines;
    const Half eight = sums_of_eight([&]<int i>() __attribute__((always_inline)) {
      if (i >= count) return Half{};
      const Real* row = source + i * lines * line_samples;
      if constexpr (side_by_side<lines> && unit < lines) {
        Lanes even = load(row);
        Lanes odd = load(row + line_samples);
        even += load(row + 2 * line_samples);
        odd += load(row + 3 * line_samples);
        even += odd;
        return first == 0 ? low(even) : high(even);
      }
      Lanes sum = load(row + first * line_samples);
      for (int q = first + 1; q < end; ++q) sum += load(row + q * line_samples);
      return fold(sum);
    });
    sums.template put<8>(eight, first == 0 ? Output::set : Output::add, values);
  }
  for (Index i = 0; i < count; ++i)
    gradient[i] = output == Output::set ? values[i] : Sums::sum(gradient[i], values[i]);
}

template <class Sums>
PLEXUS_INLINE void bias_gradient(RowRange rows, ConstSlabView delta, Sums sums, Output output,
                                 typename Sums::Value* gradient) {
  with_lines(
      delta.lines, [&]<int lines>() __attribute__((always_inline)) {
        Index row = rows.begin;
        for (; row + 8 <= rows.end; row += 8) {
          some_bias_gradients<Sums, lines>(lines_of_neuron(delta, row), 8, sums, output,
                                           gradient + (row - rows.begin));
        }
        some_bias_gradients<Sums, lines>(lines_of_neuron(delta, row), rows.end - row, sums, output,
                                         gradient + (row - rows.begin));
      });
}

void bias_gradient_exact(RowRange rows, ConstSlabView delta, double scale, Output output,
                         std::int64_t* gradient) {
  bias_gradient(rows, delta, ExactSums{scale}, output, gradient);
}

void bias_gradient_fast(RowRange rows, ConstSlabView delta, Output output, Real* gradient) {
  bias_gradient(rows, delta, FastSums{}, output, gradient);
}

/// The bits of magnitudes are ordered as the magnitudes are, infinities and what is not a number above all.
template <class Bits, class Values>
PLEXUS_INLINE Bits magnitude_bits(Values v) {
  const Bits sign = reinterpret_cast<Bits>(-Values{});
  return reinterpret_cast<Bits>(v) & ~sign;
}

PLEXUS_INLINE HalfBits larger(HalfBits a, HalfBits b) { return a > b ? a : b; }

/// The largest magnitudes of the lines that were added, lane by lane.
struct MostMagnitudes {
#if PLEXUS_KERNEL_WIDE
  typedef decltype(Lanes{} < Lanes{}) LineBits;
  LineBits most = {};

  PLEXUS_INLINE void add(Lanes v) {
    const LineBits bits = magnitude_bits<LineBits>(v);
    most = bits > most ? bits : most;
  }
  [[nodiscard]] PLEXUS_INLINE HalfBits lower() const {
    return __builtin_shufflevector(most, most, 0, 1, 2, 3, 4, 5, 6, 7);
  }
  [[nodiscard]] PLEXUS_INLINE HalfBits upper() const {
    return __builtin_shufflevector(most, most, 8, 9, 10, 11, 12, 13, 14, 15);
  }
#else
  HalfBits first = {};
  HalfBits second = {};

  PLEXUS_INLINE void add(Lanes v) {
    first = larger(first, magnitude_bits<HalfBits>(low(v)));
    second = larger(second, magnitude_bits<HalfBits>(high(v)));
  }
  [[nodiscard]] PLEXUS_INLINE HalfBits lower() const { return first; }
  [[nodiscard]] PLEXUS_INLINE HalfBits upper() const { return second; }
#endif
};

/// Raises `largest` to the largest of eight magnitudes.
PLEXUS_INLINE void raise(Real& largest, HalfBits eight) {
  eight = larger(eight, __builtin_shufflevector(eight, eight, 4, 5, 6, 7, 0, 1, 2, 3));
  eight = larger(eight, __builtin_shufflevector(eight, eight, 2, 3, 0, 1, 6, 7, 4, 5));
  eight = larger(eight, __builtin_shufflevector(eight, eight, 1, 0, 3, 2, 5, 4, 7, 6));
  const Real magnitude = reinterpret_cast<Half>(eight)[0];
  if (!(magnitude <= largest))
    largest = magnitude == magnitude ? magnitude : static_cast<Real>(__builtin_inf());
}

void largest_magnitudes(RowRange rows, ConstSlabView values, Real* largest) {
  with_lines(
      values.lines, [&]<int lines>() __attribute__((always_inline)) {
        MostMagnitudes most[2];
        const Real* end = lines_of_neuron(values, rows.end);
        for (const Real* place = lines_of_neuron(values, rows.begin); place < end;
             place += lines * line_samples) {
          each_of<lines>([&]<int q>() __attribute__((always_inline)) {
            most[side_by_side<lines> ? q % 2 : q / shard_lines].add(load(place + q * line_samples));
          });
        }
        if constexpr (side_by_side<lines>) {
          raise(largest[0], larger(most[0].lower(), most[1].lower()));
          raise(largest[1], larger(most[0].upper(), most[1].upper()));
        } else {
          for (int shard = 0; shard * shard_lines < lines; ++shard)
            raise(largest[shard], larger(most[shard].lower(), most[shard].upper()));
        }
      });
}

/// Features between the one at work and those that are asked for: samples lie anywhere in a data set that no
/// cache holds. Two cache lines; eight would already drive out what was asked for before.
constexpr Index features_ahead = 32;

/// Features [begin, end) of 16 samples that are all there, eight features at a time.
/// @return the first feature that is left
PLEXUS_INLINE Index transpose_line(const float* const* samples, RowRange features, Real* out, Offset stride) {
  Index feature = features.begin;
  for (; feature + 8 <= features.end; feature += 8) {
    if ((feature - features.begin) % line_samples == 0 && feature + features_ahead < features.end) {
      for (int i = 0; i < line_samples; ++i) __builtin_prefetch(samples[i] + feature + features_ahead, 0, 3);
    }
    for (int half = 0; half < 2; ++half) {
      Half v[8];
      for (int i = 0; i < 8; ++i) v[i] = *reinterpret_cast<const AnyHalf*>(samples[8 * half + i] + feature);
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
      Real* place = out + (feature - features.begin) * stride + 8 * half;
      for (int i = 0; i < 4; ++i) {
        const Half first = __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        const Half second = __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
        *reinterpret_cast<Half*>(place + i * stride) = first;
        *reinterpret_cast<Half*>(place + (i + 4) * stride) = second;
      }
    }
  }
  return feature;
}

void transpose_samples(const float* const* samples, RowRange features, SlabView x) {
  const Offset stride = static_cast<Offset>(x.lines) * line_samples;
  for (Index line = 0; line < x.lines; ++line, samples += line_samples) {
    Real* out = x.values + line * line_samples;
    bool all = sizeof(Real) == sizeof(float);  // as features are; double is for tests of gradients
    for (int i = 0; i < line_samples; ++i) all = all && samples[i] != nullptr;
    for (Index feature = all ? transpose_line(samples, features, out, stride) : features.begin;
         feature < features.end; ++feature) {
      Real* lanes = out + (feature - features.begin) * stride;
      for (int i = 0; i < line_samples; ++i) lanes[i] = samples[i] != nullptr ? samples[i][feature] : Real{0};
    }
  }
}

}  // namespace
}  // namespace plexus::PLEXUS_KERNEL_SET
