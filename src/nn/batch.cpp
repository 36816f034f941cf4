#include "src/nn/batch.hpp"

#include <algorithm>
#include <array>

#include "src/sparse/kernels.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

void Batch::gather(const Dataset& data, std::span<const std::int64_t> ids, Index lines_per_slab,
                   std::span<const RowRange> features) {
  const RowRange all{0, data.features_per_sample};
  if (features.empty()) features = {&all, 1};
  const Index lines = lines_of(static_cast<Offset>(ids.size()));
  inputs.resize(lines, data.features_per_sample - inputs.other_neurons(), lines_per_slab);
  magnitudes.reset(inputs.shards());
  sample_ids.assign(static_cast<std::size_t>(lines) * line_samples, 0);
  labels.clear();
  for (const auto id : ids) labels.push_back(data.labels[static_cast<std::size_t>(id)]);
  parallel_over(inputs.slabs(), 1, [&](Offset begin, Offset end) {
    for (auto s = static_cast<Index>(begin); s < static_cast<Index>(end); ++s) {
      const SlabView slab = inputs.slab(s);
      const Offset first = static_cast<Offset>(inputs.first_line(s)) * line_samples;
      const auto present = static_cast<Index>(
          std::min<Offset>(slab.lines * line_samples, static_cast<Offset>(ids.size()) - first));
      std::array<const float*, slab_lines * line_samples> samples{};  // by lane
      for (Index i = 0; i < present; ++i) {
        const std::int64_t id = ids[static_cast<std::size_t>(first + i)];
        const Index lane = lane_of(i, slab.lines);
        sample_ids[static_cast<std::size_t>(first + lane)] = id;
        samples[static_cast<std::size_t>(lane)] = data.sample(id);
      }
      for (const RowRange some : features) {
        const SlabView out{slab.neuron(some.begin), slab.lines};
        kernels().transpose_samples(samples.data(), some, out);
        kernels().largest_magnitudes(some, slab, magnitudes.of_thread(inputs.first_shard(s)));
      }
    }
  });
}

}  // namespace plexus
