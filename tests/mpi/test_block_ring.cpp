#include <gtest/gtest.h>

#include <cstdint>
#include <deque>

#include "mpi/block_ring.hpp"
#include "tests/support/errors.hpp"

namespace plexus {
namespace {

TEST(BlockRing, BlocksNeverOverlapNorLeaveTheRing) {
  BlockRing ring(1000);
  std::deque<std::pair<std::size_t, std::size_t>> blocks;  // begin and end of those that are here
  std::uint32_t random = 1;
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    random = random * 1664525 + 1013904223;
    const std::size_t bytes = random >> 16 & 0xFF;
    if (!ring.has_room(bytes)) {
      ++refused;
      ASSERT_FALSE(blocks.empty());
      ring.pop();
      blocks.pop_front();
      continue;
    }
    const std::uint64_t number = ring.next();
    const std::uint64_t first = ring.first_beside(bytes);
    ring.push(bytes);
    const std::size_t begin = ring.place(number);
    ASSERT_LE(begin + bytes, ring.capacity());
    ASSERT_EQ(begin % BlockRing::cache_line, 0U);
    ASSERT_LE(first, ring.oldest());
    for (const auto& [other_begin, other_end] : blocks)
      ASSERT_TRUE(begin + bytes <= other_begin || other_end <= begin) << "block " << number;
    blocks.emplace_back(begin, begin + bytes);
  }
  EXPECT_GT(refused, 1000);
}

TEST(BlockRing, SaysWhichBlocksHaveToGo) {
  BlockRing ring(256);
  for (int i = 0; i < 4; ++i) ring.push(64);

  EXPECT_FALSE(ring.has_room(1));
  EXPECT_EQ(ring.first_beside(64), 1U);
  EXPECT_EQ(ring.first_beside(128), 2U);
  EXPECT_EQ(ring.first_beside(256), 4U);
}

TEST(BlockRing, RefusesWhatFindsNoRoom) {
  BlockRing ring(128);
  ring.push(100);

  EXPECT_NE(message_of<Fault>([&] { ring.push(64); }).find("no room for 64 bytes"), std::string::npos);
  ring.pop();
  EXPECT_NE(message_of<Fault>([&] { ring.pop(); }), "");
  EXPECT_FALSE(ring.has_room(129));
}

}  // namespace
}  // namespace plexus
