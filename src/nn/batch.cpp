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
  magnitudes.reset(lines);
  sample_ids.assign(static_cast<std::size_t>(lines) * line_samples, 0);
  std::copy(ids.begin(), ids.end(), sample_ids.begin());
  labels.clear();
  for (const auto id : ids) labels.push_back(data.labels[static_cast<std::size_t>(id)]);
  parallel_over(inputs.slabs(), 1, [&](Offset begin, Offset end) {
    for (auto s = static_cast<Index>(begin); s < static_cast<Index>(end); ++s) {
      const SlabView slab = inputs.slab(s);
      for (Index line = 0; line < slab.lines; ++line) {
        const Offset first = static_cast<Offset>(inputs.first_line(s) + line) * line_samples;
        const Offset present = std::min<Offset>(line_samples, static_cast<Offset>(ids.size()) - first);
        for (const RowRange some : features) {
          std::array<const float*, line_samples> samples{};
          for (Offset i = 0; i < present; ++i)
            samples[static_cast<std::size_t>(i)] =
                data.sample(ids[static_cast<std::size_t>(first + i)]) + some.begin;
          kernels().transpose_samples(samples.data(), static_cast<Index>(present), some.end - some.begin,
                                      {slab.neuron(some.begin), slab.lines}, line);
        }
      }
      for (const RowRange some : features)
        kernels().largest_magnitudes(some, slab, magnitudes.of_thread(inputs.first_line(s)));
    }
  });
}

}  // namespace plexus
