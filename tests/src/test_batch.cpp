#include "src/nn/batch.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace plexus {
namespace {

TEST(Batch, LanesWithoutASampleAreZero) {
  Dataset data;
  data.features_per_sample = 2;
  data.classes = 3;
  for (int i = 0; i < 40; ++i) {
    data.features.push_back(static_cast<float>(i));
    data.features.push_back(static_cast<float>(100 + i));
    data.labels.push_back(i % 3);
  }
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 18; ++i) ids.push_back(39 - i);
  Batch batch;
  batch.gather(data, std::vector<std::int64_t>(40, 7));  // leaves values behind

  batch.gather(data, ids);

  EXPECT_EQ(batch.inputs.lines(), 2);
  EXPECT_EQ(batch.samples(), 18);
  EXPECT_EQ(batch.inputs.at(0, 0)[3], 36);
  EXPECT_EQ(batch.inputs.at(1, 1)[1], 122);
  EXPECT_EQ(batch.labels[2], 37 % 3);
  EXPECT_EQ(batch.magnitudes.largest(0), 139);
  EXPECT_EQ(batch.magnitudes.largest(1), 123);
  for (Index lane = 2; lane < line_samples; ++lane) {
    EXPECT_EQ(batch.inputs.at(1, 0)[lane], 0);
    EXPECT_EQ(batch.inputs.at(1, 1)[lane], 0);
  }
}

}  // namespace
}  // namespace plexus
