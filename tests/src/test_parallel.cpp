#include "src/support/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

TEST(Parallel, PartsCoverEverythingOnce) {
  for (const Offset count : {Offset{0}, Offset{1}, Offset{2}, Offset{17}, Offset{1} << 61}) {
    for (const int parts : {1, 2, 3, 16}) {
      EXPECT_EQ(part_begin(count, 0, parts), 0);
      EXPECT_EQ(part_begin(count, parts, parts), count);
      for (int part = 0; part < parts; ++part) {
        const Offset size = part_begin(count, part + 1, parts) - part_begin(count, part, parts);
        EXPECT_GE(size, count / parts);
        EXPECT_LE(size, count / parts + 1);
      }
    }
  }
  EXPECT_EQ(even_cuts(5, 2), (std::vector<Index>{0, 2, 5}));
}

TEST(Parallel, FewItemsAreNotCutUp) {
  EXPECT_EQ(with_threads(3, [] { return parts_for(0, 10); }), 1);
  EXPECT_EQ(with_threads(3, [] { return parts_for(19, 10); }), 1);
  EXPECT_EQ(with_threads(3, [] { return parts_for(20, 10); }), 2);
  EXPECT_EQ(with_threads(3, [] { return parts_for(1000, 10); }), 3);
}

TEST(Parallel, TheFirstOfSeveralExceptionsIsThrownWhenAllPartsAreDone) {
  std::atomic<int> done = 0;
  std::string message;

  try {
    for_each_part(4, [&](int part) {
      ++done;
      if (part > 0) throw std::runtime_error(std::to_string(part));
    });
  } catch (const std::runtime_error& error) {
    message = error.what();
  }

  EXPECT_EQ(done, 4);
  EXPECT_EQ(message, "1");
}

TEST(Parallel, TheFirstMisfitIsFound) {
  for (const int threads : thread_counts) {
    const auto first_from = [&](Offset misfit) {
      return with_threads(threads, [&] { return first_misfit(50000, [=](Offset i) { return i < misfit; }); });
    };

    for (const Offset misfit : {0, 1, 24999, 25000, 49999, 50000}) EXPECT_EQ(first_from(misfit), misfit);
  }
  EXPECT_EQ(first_misfit(0, [](Offset) { return false; }), 0);
}

TEST(BalancedCuts, CoverAllRowsAndBalanceConnections) {
  const std::vector<Offset> row_ptrs = {0, 100, 100, 100, 110, 120, 220};

  const auto cuts = balanced_cuts(row_ptrs, 2);

  EXPECT_EQ(cuts, (std::vector<Index>{0, 4, 6}));
  EXPECT_EQ(balanced_cuts(row_ptrs, 1), (std::vector<Index>{0, 6}));
  EXPECT_EQ(balanced_cuts({0}, 3), (std::vector<Index>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace plexus
