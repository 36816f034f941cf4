#pragma once

#include <cstdint>

#include "src/support/random_stream.hpp"

namespace plexus {

/// A pseudo-random permutation of [0, size), evaluated one element at a time: no table, no state, the same on
/// every rank. Balanced Feistel network over the next even number of bits, walked until it lands inside
/// (Black, Rogaway 2002). Integer arithmetic only.
class KeyedPermutation {
 public:
  /// @param size number of elements, 1 to 2^62.
  KeyedPermutation(const RandomStream& stream, std::uint64_t size);

  /// Image of `i`, which must be below `size`. Distinct `i` have distinct images. Fewer than 4 walks on
  /// average.
  [[nodiscard]] std::uint64_t operator()(std::uint64_t i) const;

 private:
  std::uint64_t key_;
  std::uint64_t size_;
  unsigned half_bits_;
};

}  // namespace plexus
