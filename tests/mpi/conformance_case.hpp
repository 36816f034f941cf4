#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "mpi/distributed_context.hpp"

// What the lists of conformance cases have in common.

namespace plexus::conformance {

struct Case {
  std::string name;
  std::function<void(DistributedContext&)> run;
};

inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// `count` bytes that differ by rank and place.
inline std::vector<std::byte> bytes_of_rank(int rank, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i)
    bytes[i] = static_cast<std::byte>(31 * (rank + 1) + 7 * static_cast<int>(i));
  return bytes;
}

/// 0 + 1 + ... + (size - 1)
inline std::int64_t triangle(int size) { return std::int64_t{size} * (size - 1) / 2; }

/// Pushes one sum of `terms`, which the queue must have room for.
template <class T>
void push(SumQueue<T>& sums, const std::vector<T>& terms) {
  ASSERT_TRUE(sums.has_room(terms.size()));
  const std::span<T> room = sums.next(terms.size());
  ASSERT_EQ(room.size(), terms.size());
  std::ranges::copy(terms, room.begin());
  sums.start();
}

/// The oldest sum, all at once, which is popped.
template <class T>
std::vector<T> take(SumQueue<T>& sums, std::size_t count) {
  sums.wait();
  std::vector<T> scratch(count);
  const T* values = sums.values(0, count, scratch.data());
  const std::vector<T> sum(values, values + count);
  sums.pop();
  return sum;
}

}  // namespace plexus::conformance
