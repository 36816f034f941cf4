#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "src/support/random_stream.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Calls f(i, u) with u = stream.uniform(rows[i], cols[i]) for each i: many draws side by side.
template <class F>
void for_each_uniform(const RandomStream& stream, std::span<const NeuronId> rows,
                      std::span<const NeuronId> cols, F&& f) {
  constexpr std::size_t block = 64;
  constexpr std::size_t step = RandomStream::side_by_side;
  std::array<std::uint64_t, block> a;
  std::array<std::uint64_t, block> b;
  std::array<std::uint64_t, 2 * block> bits;
  for (std::size_t begin = 0; begin < rows.size(); begin += block) {
    const std::size_t count = std::min(block, rows.size() - begin);
    const std::size_t drawn =
        (count + step - 1) / step * step;  // whole steps are faster than the exact number
    std::fill(std::copy_n(rows.begin() + begin, count, a.begin()), a.begin() + drawn, 0);
    std::fill(std::copy_n(cols.begin() + begin, count, b.begin()), b.begin() + drawn, 0);
    stream.pairs(a.data(), b.data(), drawn, bits.data());
    for (std::size_t i = 0; i < count; ++i) f(begin + i, RandomStream::unit(bits[2 * i]));
  }
}

}  // namespace plexus
