#include "src/support/text.hpp"

#include <gtest/gtest.h>

namespace plexus {
namespace {

TEST(Text, NearestNameOnlyWhenItCanBeMeant) {
  const std::vector<std::string> known = {"relu", "all_relu", "tanh"};

  EXPECT_EQ(nearest("rely", known), "relu");
  EXPECT_EQ(nearest("tanhh", known), "tanh");
  EXPECT_EQ(nearest("momentum_decay", known), "");
  EXPECT_EQ(known_names_hint("rely", known), "Did you mean 'relu'? Known: relu, all_relu, tanh.");
}

TEST(Text, NumbersForPeople) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1234567), "1,234,567");
  EXPECT_EQ(with_separators(-1000), "-1,000");
  EXPECT_EQ(as_bytes(512), "512 B");
  EXPECT_EQ(as_bytes(1536), "1.5 KiB");
  EXPECT_EQ(as_time(0.0000123), "12 us");
  EXPECT_EQ(as_time(0.00151), "1.51 ms");
  EXPECT_EQ(as_time(12.34), "12.3 s");
  EXPECT_EQ(as_time(7200), "7200 s");
  EXPECT_EQ(as_duration(12.34), "12.3 s");
  EXPECT_EQ(as_duration(125), "2:05");
  EXPECT_EQ(as_duration(3725), "1:02:05");
}

}  // namespace
}  // namespace plexus
