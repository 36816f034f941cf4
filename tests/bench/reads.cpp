// Compiled for the processor that builds it: the widest loads it has.
#include "tests/bench/reads.hpp"

#include <cstddef>

namespace plexus::bench {

namespace {

using Words = std::uint64_t __attribute__((vector_size(64)));

#if defined(__AVX512F__)
constexpr int register_words = 8;
#elif defined(__AVX__)
constexpr int register_words = 4;
#else
constexpr int register_words = 2;
#endif
using Register = std::uint64_t __attribute__((vector_size(register_words * sizeof(std::uint64_t))));

Words words_of(const Line& line) { return *reinterpret_cast<const Words*>(line.words); }

std::uint64_t sum_of(const Words& words) {
  std::uint64_t sum = 0;
  for (int i = 0; i < 8; ++i) sum += words[i];
  return sum;
}

/// A number that looks random and depends on `i` only (the finalizer of splitmix64).
std::uint64_t scrambled(std::uint64_t i) {
  i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9;
  i = (i ^ (i >> 27)) * 0x94d049bb133111eb;
  return i ^ (i >> 31);
}

}  // namespace

void read_in_order(const Lines& lines) {
#pragma GCC unroll 8
  for (const Line& line : lines) {
    for (int i = 0; i < 8; i += register_words) {
      const Register words = *reinterpret_cast<const Register*>(line.words + i);
#ifdef __x86_64__
      asm volatile("" : : "v"(words));  // nothing is done with them, but they are loaded
#else
      asm volatile("" : : "w"(words));
#endif
    }
  }
}

std::uint64_t read_at_random(const Lines& lines, std::uint64_t first, std::uint64_t last) {
  const std::uint64_t mask = lines.size() - 1;
  Words sum{};
  for (std::uint64_t i = first; i < last; ++i) sum += words_of(lines[scrambled(i) & mask]);
  return sum_of(sum);
}

}  // namespace plexus::bench
