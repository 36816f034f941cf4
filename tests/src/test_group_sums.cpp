#include "src/nn/group_sums.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace plexus {
namespace {

template <class Value>
std::vector<Value> totals(const std::vector<std::vector<Value>>& groups, Offset first, Offset count) {
  std::vector<Value> memory;
  const GroupSums<Value> sums(memory, static_cast<int>(groups.size()), static_cast<Offset>(groups[0].size()));
  for (std::size_t g = 0; g < groups.size(); ++g)
    std::copy(groups[g].begin(), groups[g].end(), sums.of_group(static_cast<int>(g)));
  std::vector<Value> out(static_cast<std::size_t>(count));
  EXPECT_EQ(sums.total(first, count, out.data()), out.data());
  return out;
}

TEST(GroupSums, AreAddedUpGroupAfterGroup) {
  EXPECT_EQ(totals<std::int64_t>({{1, 2, 3}, {10, 20, 30}}, 0, 3), (std::vector<std::int64_t>{11, 22, 33}));
  EXPECT_EQ(totals<std::int64_t>({{1, 2, 3}, {10, 20, 30}, {100, 200, 300}}, 1, 2),
            (std::vector<std::int64_t>{222, 333}));
  const Real large = 0x1p24F;
  EXPECT_EQ(totals<Real>({{large}, {1}, {-large}}, 0, 1), std::vector<Real>{0}) << "in this order 1 is lost";
  EXPECT_EQ(totals<Real>({{large}, {-large}, {1}}, 0, 1), std::vector<Real>{1});
}

TEST(GroupSums, WrapAroundWhereTheyDoNotFit) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(totals<std::int64_t>({{most}, {1}}, 0, 1),
            std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()});
}

}  // namespace
}  // namespace plexus
