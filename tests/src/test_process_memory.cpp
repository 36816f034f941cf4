#include "src/support/process_memory.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace plexus {
namespace {

TEST(ProcessMemory, GrowsWithWhatIsInUse) {
  constexpr std::size_t taken = std::size_t{64} << 20;
  const ProcessMemory before = process_memory();

  const std::vector<char> block(taken, 'x');
  const ProcessMemory with_block = process_memory();

  EXPECT_EQ(block.back(), 'x');
  EXPECT_GT(before.now, 0);
  EXPECT_GE(with_block.now - before.now, static_cast<std::int64_t>(taken / 2));
  EXPECT_GE(with_block.peak, with_block.now);
}

}  // namespace
}  // namespace plexus
