#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "src/support/types.hpp"

namespace plexus {

// A rewiring takes entries out of rows and puts others in, at places that nobody can predict. What lies
// between two such places is a run, mostly of a few entries. Copying and searching runs eight entries at a
// time, and a few too many at the end, costs less than finding out where to stop.

/// Entries that are copied or compared at a time. Buffers have so many behind their last entry.
constexpr std::size_t run_padding = 8;

/// Makes sure that `buffer` holds `count` entries and the padding.
template <class T>
void make_room(std::vector<T>& buffer, std::size_t count) {
  if (buffer.size() < count + run_padding) buffer.resize(2 * count + run_padding);
}

/// Copies `count` entries from `from` to `to`, both with the padding behind them, which is read and written
/// too.
/// @return the end of the copy
template <class T>
T* copy_run(const T* from, Offset count, T* to) {
  constexpr Offset step = run_padding;
  std::memcpy(to, from, step * sizeof(T));
  if (count > step) [[unlikely]] {
    for (Offset i = step; i < count; i += step) std::memcpy(to + i, from + i, step * sizeof(T));
  }
  return to + count;
}

/// Number of entries at the beginning of ascending entries that are below `bound`. The padding, with entries
/// that are not, follows the last one.
inline Index count_below(const Index* ascending, Index bound) {
  constexpr auto step = static_cast<Index>(run_padding);
  for (Index count = 0;; count += step) {
    Index below = 0;
    for (Index i = 0; i < step; ++i) below += ascending[count + i] < bound ? 1 : 0;
    if (below < step) return count + below;
  }
}

}  // namespace plexus
