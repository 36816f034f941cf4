#include "src/nn/batch.hpp"

#include <algorithm>
#include <array>

#include "src/support/parallel.hpp"

namespace plexus {

void Batch::gather(const Dataset& data, std::span<const std::int64_t> ids) {
  const auto shards =
      static_cast<Index>((static_cast<Offset>(ids.size()) + shard_samples - 1) / shard_samples);
  inputs.resize(shards, data.features_per_sample);
  sample_ids.assign(static_cast<std::size_t>(shards) * shard_samples, 0);
  std::copy(ids.begin(), ids.end(), sample_ids.begin());
  labels.clear();
  for (const auto id : ids) labels.push_back(data.labels[static_cast<std::size_t>(id)]);

  parallel_over(shards, 1, [&](Offset begin, Offset end) {
    for (auto s = static_cast<Index>(begin); s < static_cast<Index>(end); ++s) {
      const Offset first = static_cast<Offset>(s) * shard_samples;
      const Offset present = std::min<Offset>(shard_samples, static_cast<Offset>(ids.size()) - first);
      std::array<const float*, shard_samples> sources{};
      for (Offset i = 0; i < present; ++i) {
        sources[static_cast<std::size_t>(i)] = data.sample(ids[static_cast<std::size_t>(first + i)]);
      }
      for (Index feature = 0; feature < data.features_per_sample; ++feature) {
        Real* lanes = inputs.at(s, feature);
        for (Offset i = 0; i < present; ++i) lanes[i] = sources[static_cast<std::size_t>(i)][feature];
        for (Offset i = present; i < shard_samples; ++i) lanes[i] = 0;
      }
    }
  });
}

}  // namespace plexus
