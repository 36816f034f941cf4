#include <gtest/gtest.h>

#include "src/nn/measured_tuning.hpp"
#include "src/support/parallel.hpp"

namespace plexus {
namespace {

TEST(MeasuredTuning, IsSoundAndLeavesEverythingAsItWas) {
  omp_set_num_threads(3);
  const KernelTuning before = kernel_tuning();

  const KernelTuning measured = measured_kernel_tuning();

  EXPECT_GE(measured.cached_bytes, Offset{64} << 10);
  EXPECT_LE(measured.cached_bytes, Offset{4} << 20);
  EXPECT_GE(measured.near_bytes, Offset{512} << 10);
  EXPECT_LE(measured.near_bytes, Offset{32} << 20);
  EXPECT_GT(measured.dense_density, 0);
  EXPECT_GE(measured.tile_run, 4);
  EXPECT_LE(measured.tile_run, 25);
  EXPECT_EQ(kernel_tuning(), before);
  EXPECT_EQ(thread_count(), 3);
  omp_set_num_threads(1);
}

}  // namespace
}  // namespace plexus
