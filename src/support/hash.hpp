#pragma once

#include <bit>
#include <cstdint>

namespace plexus {

/// Bijective finalizer of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Hash of a sequence of words; the order matters.
template <class... Words>
constexpr std::uint64_t mix64(std::uint64_t first, std::uint64_t second, Words... rest) {
  return mix64(mix64(first) ^ second, static_cast<std::uint64_t>(rest)...);
}

inline std::uint64_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }
inline std::uint64_t bits_of(double value) { return std::bit_cast<std::uint64_t>(value); }

}  // namespace plexus
