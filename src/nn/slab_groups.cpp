#include "src/nn/slab_groups.hpp"

#include <algorithm>

#include "src/nn/kernel_tuning.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Part of its even share that a group may have too much.
constexpr Index most_excess = 16;

Index lines_in(const Slabs& x, SlabRange slabs) {
  return std::min(x.lines(), x.first_line(slabs.end)) - x.first_line(slabs.begin);
}

bool even(const Slabs& x, SlabRange slabs, int groups) {
  const Index lines = lines_in(x, slabs);
  for (int group = 0; group < groups; ++group) {
    const Index own = lines_in(x, slabs_of_group(slabs, group, groups));
    if (own * groups > lines + lines / most_excess) return false;
  }
  return true;
}

}  // namespace

int slab_groups(const Slabs& read, SlabRange slabs, int threads) {
  if (slab_bytes(read.neurons(), read.lines_per_slab()) > kernel_tuning().cached_bytes) return 1;
  for (int groups = std::min(threads, static_cast<int>(slabs.end - slabs.begin)); groups > 1; --groups) {
    if (threads % groups == 0 && even(read, slabs, groups)) return groups;
  }
  return 1;
}

SlabRange slabs_of_group(SlabRange slabs, int group, int groups) {
  const Offset count = slabs.end - slabs.begin;
  return {static_cast<Index>(slabs.begin + part_begin(count, group, groups)),
          static_cast<Index>(slabs.begin + part_begin(count, group + 1, groups))};
}

}  // namespace plexus
