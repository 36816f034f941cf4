#pragma once

#include <cstddef>
#include <vector>

#include "src/support/add_values.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Sums that several groups of threads, each with slabs of its own, make of the same values of a gradient.
template <class Value>
class GroupSums {
 public:
  /// @param memory  where they lie, made larger if need be
  /// @param groups  at least two
  /// @param count   values
  GroupSums(std::vector<Value>& memory, int groups, Offset count) : groups_(groups), count_(count) {
    const auto needed = static_cast<std::size_t>(groups * count);
    if (memory.size() < needed) memory.resize(needed);
    values_ = memory.data();
  }

  /// Where those of a group go.
  [[nodiscard]] Value* of_group(int group) const { return values_ + group * count_; }

  /// Adds up values [first, first + count), one group after the other. @return out
  const Value* total(Offset first, Offset count, Value* out) const {
    add_values(of_group(0) + first, of_group(1) + first, count, out);
    for (int group = 2; group < groups_; ++group) add_values(out, of_group(group) + first, count, out);
    return out;
  }

 private:
  Value* values_;
  int groups_;
  Offset count_;
};

}  // namespace plexus
