#include <gtest/gtest.h>

#include "src/support/median.hpp"

namespace plexus {
namespace {

TEST(Median, IsTheMiddleValueOrTheMeanOfTheTwoInTheMiddle) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({5}), 5);
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({8, 2, 6, 4}), 5);
}

}  // namespace
}  // namespace plexus
