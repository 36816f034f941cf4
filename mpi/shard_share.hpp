#pragma once

#include <algorithm>

#include "src/sparse/slabs.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Shards that `samples` samples make.
[[nodiscard]] constexpr Offset shards_of(Offset samples) {
  return (samples + shard_samples - 1) / shard_samples;
}

/// Consecutive samples of a batch or a data set.
struct SampleRange {
  Offset begin = 0;
  Offset end = 0;
  [[nodiscard]] Offset size() const { return end - begin; }
};

/// What one of `size` ranks handles of `samples` samples: whole shards, the first ranks one more where they
/// do not divide evenly. Empty for ranks beyond the number of shards.
[[nodiscard]] constexpr SampleRange share_of(Offset samples, int rank, int size) {
  const Offset shards = shards_of(samples);
  const auto first_shard = [&](Offset r) { return shards / size * r + std::min<Offset>(r, shards % size); };
  return {std::min(samples, first_shard(rank) * shard_samples),
          std::min(samples, first_shard(rank + 1) * shard_samples)};
}

}  // namespace plexus
