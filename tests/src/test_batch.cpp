#include "src/nn/batch.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace plexus {
namespace {

Dataset numbered(int samples) {
  Dataset data;
  data.features_per_sample = 2;
  data.classes = 3;
  for (int i = 0; i < samples; ++i) {
    data.features.push_back(static_cast<float>(1 + i));
    data.features.push_back(static_cast<float>(101 + i));
    data.labels.push_back(i % 3);
  }
  return data;
}

TEST(Batch, EachSampleHasALaneAndTheOthersAreZero) {
  constexpr int samples = 150;
  const Dataset data = numbered(samples);
  for (const int present : {1, 18, 33, 50, 64, 65, 101, 128, 129}) {
    std::vector<std::int64_t> ids;
    for (int i = 0; i < present; ++i) ids.push_back(samples - 1 - i);
    Batch batch;
    batch.gather(data, std::vector<std::int64_t>(samples, 7));  // leaves values behind

    batch.gather(data, ids);

    SCOPED_TRACE(std::to_string(present) + " samples");
    EXPECT_EQ(batch.samples(), present);
    const Offset lanes = Offset{batch.inputs.lines()} * line_samples;
    ASSERT_EQ(batch.inputs.lines(), lines_of(present));
    std::vector<std::int64_t> numbers_of_lanes;
    for (Index s = 0; s < batch.inputs.slabs(); ++s) {
      const SlabView slab = batch.inputs.slab(s);
      for (Index lane = 0; lane < slab.lines * line_samples; ++lane) {
        const auto first = static_cast<std::int64_t>(slab.neuron(0)[lane]);
        numbers_of_lanes.push_back(first == 0 ? 0 : first - 1);
      }
    }
    EXPECT_EQ(batch.sample_ids, numbers_of_lanes);
    for (Offset sample = 0; sample < lanes; ++sample) {
      const auto number = static_cast<Real>(samples - sample);
      EXPECT_EQ(batch.inputs.at(sample, 0), sample < present ? number : Real{0});
      EXPECT_EQ(batch.inputs.at(sample, 1), sample < present ? 100 + number : Real{0});
    }
    for (int i = 0; i < present; ++i)
      EXPECT_EQ(batch.labels[static_cast<std::size_t>(i)], (samples - 1 - i) % 3);
    for (Index shard = 0; shard < batch.inputs.shards(); ++shard)
      EXPECT_EQ(batch.magnitudes.largest(shard), static_cast<Real>(100 + samples - shard * shard_samples));
  }
}

}  // namespace
}  // namespace plexus
