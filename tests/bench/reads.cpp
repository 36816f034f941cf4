// Compiled for the processor that builds it: the widest loads it has.
#include "tests/bench/reads.hpp"

#include <cstddef>

namespace plexus::bench {

namespace {

using Words = std::uint64_t __attribute__((vector_size(64)));

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

std::uint64_t read_in_order(const Lines& lines) {
  Words a{};
  Words b{};
  Words c{};
  Words d{};
  for (std::size_t i = 0; i + 3 < lines.size(); i += 4) {
    a += words_of(lines[i]);
    b += words_of(lines[i + 1]);
    c += words_of(lines[i + 2]);
    d += words_of(lines[i + 3]);
  }
  return sum_of(a + b + c + d);
}

std::uint64_t read_at_random(const Lines& lines, std::uint64_t first, std::uint64_t last) {
  const std::uint64_t mask = lines.size() - 1;
  Words sum{};
  for (std::uint64_t i = first; i < last; ++i) sum += words_of(lines[scrambled(i) & mask]);
  return sum_of(sum);
}

}  // namespace plexus::bench
