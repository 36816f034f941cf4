// Lines of 16 samples in registers. Part of kernels_impl.hpp.
#pragma once

#if PLEXUS_KERNEL_WIDE
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
#if PLEXUS_KERNEL_WIDE
typedef double Double8 __attribute__((vector_size(64)));
typedef std::uint64_t Unsigned8 __attribute__((vector_size(64)));
#endif
typedef std::uint32_t Words __attribute__((vector_size(64)));

#define PLEXUS_INLINE inline __attribute__((always_inline))

// A line: one neuron's values for 16 samples.
#if PLEXUS_KERNEL_WIDE
typedef Real Lanes __attribute__((vector_size(16 * sizeof(Real)), aligned(64)));
PLEXUS_INLINE Lanes load(const Real* place) { return *reinterpret_cast<const Lanes*>(place); }
PLEXUS_INLINE void store(Real* place, Lanes v) { *reinterpret_cast<Lanes*>(place) = v; }
PLEXUS_INLINE Lanes filled(Real value) { return Lanes{} + value; }
/// Keeps the compiler from loading v again for each of its uses.
template <class V>
PLEXUS_INLINE void load_once(V& v) {
  if constexpr (sizeof(V) == 64) asm("" : "+v"(v));  // more are no register: Real is double
}
PLEXUS_INLINE Half low(Lanes v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
PLEXUS_INLINE Half high(Lanes v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }
#elif defined(__AVX__)
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
template <class V>
PLEXUS_INLINE void load_once(V& v) {
  if constexpr (sizeof(V) == 64) asm("" : "+x"(v.first), "+x"(v.second));
}
PLEXUS_INLINE Half low(Lanes v) { return v.first; }
PLEXUS_INLINE Half high(Lanes v) { return v.second; }
PLEXUS_INLINE Lanes operator*(Lanes a, Lanes b) { return {a.first * b.first, a.second * b.second}; }
PLEXUS_INLINE Lanes operator*(Real a, Lanes b) { return {a * b.first, a * b.second}; }
PLEXUS_INLINE void operator+=(Lanes& sum, Lanes v) {
  sum.first += v.first;
  sum.second += v.second;
}
#else
// Four registers: a vector that is wider than a register would live in memory.
struct Lanes {
  Quad quad[4];
};
PLEXUS_INLINE Lanes load(const Real* place) {
  const Quad* quads = reinterpret_cast<const Quad*>(place);
  return {{quads[0], quads[1], quads[2], quads[3]}};
}
PLEXUS_INLINE void store(Real* place, Lanes v) {
  for (int i = 0; i < 4; ++i) reinterpret_cast<Quad*>(place)[i] = v.quad[i];
}
PLEXUS_INLINE Lanes filled(Real value) {
  const Quad quad = Quad{} + value;
  return {{quad, quad, quad, quad}};
}
PLEXUS_INLINE void load_once(Lanes&) {}  // there are no registers to spare
PLEXUS_INLINE Half low(Lanes v) {
  return __builtin_shufflevector(v.quad[0], v.quad[1], 0, 1, 2, 3, 4, 5, 6, 7);
}
PLEXUS_INLINE Half high(Lanes v) {
  return __builtin_shufflevector(v.quad[2], v.quad[3], 0, 1, 2, 3, 4, 5, 6, 7);
}
PLEXUS_INLINE Lanes operator*(Lanes a, Lanes b) {
  return {{a.quad[0] * b.quad[0], a.quad[1] * b.quad[1], a.quad[2] * b.quad[2], a.quad[3] * b.quad[3]}};
}
PLEXUS_INLINE Lanes operator*(Real a, Lanes b) { return filled(a) * b; }
PLEXUS_INLINE void operator+=(Lanes& sum, Lanes v) {
  for (int i = 0; i < 4; ++i) sum.quad[i] += v.quad[i];
}
#endif

#if PLEXUS_KERNEL_WIDE
/// What __builtin_convertvector makes with four conversions of four.
template <class V>
PLEXUS_INLINE Double8 doubles(V half) {
  if constexpr (sizeof(V) == sizeof(Double8)) {
    return half;
  } else {
    return _mm512_maskz_cvtps_pd(0xff, half);  // without a mask g++ 12 warns of its own header
  }
}
#endif

/// Keeps the compiler from computing an address again for each of its uses.
PLEXUS_INLINE void compute_once(const Real*& place) { asm("" : "+r"(place)); }

/// Whether slabs of so many lines hold two shards side by side: the lower halves of lines 0 and 2, those of
/// lines 1 and 3, are what lines 0 and 1 hold of a shard that is on its own (`lane_of`).
template <int lines>
constexpr bool side_by_side = lines == slab_lines;

/// A view's values of one neuron.
PLEXUS_INLINE const Real* lines_of_neuron(ConstSlabView view, Index neuron) {
  return view.values + static_cast<Offset>(neuron) * view.lines * line_samples;
}
PLEXUS_INLINE Real* lines_of_neuron(SlabView view, Index neuron) {
  return view.values + static_cast<Offset>(neuron) * view.lines * line_samples;
}

/// Calls f.template operator()<i>() for each i below `count`. Unlike a loop it lets the compiler keep in
/// registers an array that only it goes through.
template <int count, class F>
PLEXUS_INLINE void each_of(F&& f) {
  if constexpr (count > 0) {
    each_of<count - 1>(f);
    f.template operator()<count - 1>();
  }
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

}  // namespace
}  // namespace plexus::PLEXUS_KERNEL_SET
