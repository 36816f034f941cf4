#include <gtest/gtest.h>

#include <vector>

#include "src/nn/kernel_tuning.hpp"
#include "src/nn/slab_groups.hpp"

namespace plexus {
namespace {

Slabs slabs_of(Index samples, Index neurons = 1000) {
  Slabs slabs;
  slabs.resize(lines_of(samples), neurons);
  return slabs;
}

int groups(const Slabs& x, int threads) { return slab_groups(x, {0, x.slabs()}, threads); }

TEST(SlabGroups, AsManyAsDivideThreadsAndSlabsEvenly) {
  EXPECT_EQ(groups(slabs_of(128), 1), 1);
  EXPECT_EQ(groups(slabs_of(128), 2), 2);
  EXPECT_EQ(groups(slabs_of(128), 3), 1);
  EXPECT_EQ(groups(slabs_of(128), 16), 2);
  EXPECT_EQ(groups(slabs_of(256), 6), 2) << "three groups would have 2, 1 and 1 slabs";
  EXPECT_EQ(groups(slabs_of(1024), 3), 1) << "6, 5 and 5 slabs";
  EXPECT_EQ(groups(slabs_of(3072), 3), 3);
  EXPECT_EQ(groups(slabs_of(1024), 12), 4);
}

TEST(SlabGroups, ShortLastSlabsCountAsWhatTheyHave) {
  EXPECT_EQ(groups(slabs_of(100), 2), 1) << "4 lines and 3";
  EXPECT_EQ(groups(slabs_of(1000), 2), 2) << "32 lines and 31";
}

TEST(SlabGroups, OneForASlabAndForNone) {
  EXPECT_EQ(groups(slabs_of(64), 8), 1);
  EXPECT_EQ(groups(slabs_of(0), 8), 1);
  EXPECT_EQ(slab_groups(slabs_of(1024), {3, 4}, 8), 1);
}

TEST(SlabGroups, OneWhereASlabDoesNotStayInTheCache) {
  const auto fitting = static_cast<Index>(kernel_tuning().cached_bytes / slab_bytes(1, slab_lines));
  EXPECT_EQ(groups(slabs_of(128, fitting), 2), 2);
  EXPECT_EQ(groups(slabs_of(128, fitting + 1), 2), 1);
}

TEST(SlabGroups, TakeAllSlabsOnceInOrder) {
  Index next = 5;
  for (int group = 0; group < 3; ++group) {
    const SlabRange own = slabs_of_group({5, 12}, group, 3);
    EXPECT_EQ(own.begin, next);
    EXPECT_GE(own.end, own.begin + 2);
    next = own.end;
  }
  EXPECT_EQ(next, 12);
}

}  // namespace
}  // namespace plexus
