#include "src/support/keyed_permutation.hpp"

#include <algorithm>
#include <bit>

#include "src/support/error.hpp"
#include "src/support/hash.hpp"

namespace plexus {

namespace {

constexpr std::uint64_t rounds = 8;

}  // namespace

KeyedPermutation::KeyedPermutation(const RandomStream& stream, std::uint64_t size) : key_(0), size_(size) {
  ensure(size >= 1 && size <= (std::uint64_t{1} << 62), "KeyedPermutation of {} elements", size);
  const auto key = stream.key();
  key_ = (static_cast<std::uint64_t>(key[1]) << 32) | key[0];
  const auto bits = static_cast<unsigned>(std::bit_width(size - 1));
  half_bits_ = std::max(1U, (bits + 1) / 2);
}

std::uint64_t KeyedPermutation::operator()(std::uint64_t i) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t x = i;
  do {
    std::uint64_t left = x >> half_bits_;
    std::uint64_t right = x & mask;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const std::uint64_t next = left ^ (mix64(key_ + round, right) & mask);
      left = right;
      right = next;
    }
    x = (left << half_bits_) | right;
  } while (x >= size_);
  return x;
}

}  // namespace plexus
