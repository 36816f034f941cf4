#include "src/sparse/transposed_index.hpp"

#include <gtest/gtest.h>

#include "tests/support/topology_matchers.hpp"

namespace plexus {
namespace {

TEST(TransposedIndex, ListsEachColumnWithAscendingRows) {
  const Topology topology = topology_of({"x.x.",  //
                                         "....",  //
                                         "xx.."});

  const TransposedIndex t = transposed(topology);

  EXPECT_EQ(t.col_ptrs, (std::vector<Offset>{0, 2, 3, 4, 4}));
  EXPECT_EQ(t.row_idxs, (std::vector<Index>{0, 2, 2, 0}));
  EXPECT_EQ(t.sources, (std::vector<std::uint32_t>{0, 2, 3, 1}));
}

}  // namespace
}  // namespace plexus
