#include "tests/bench/random_data.hpp"

#include <cstddef>

#include "src/support/random_stream.hpp"

namespace plexus::bench {

Dataset random_data(Offset samples, Index features, Index classes, std::uint64_t number) {
  const RandomStream stream(1, Purpose::subset, 0, number);
  Dataset data;
  data.features_per_sample = features;
  data.classes = classes;
  data.features.resize(static_cast<std::size_t>(samples) * static_cast<std::size_t>(features));
  for (std::size_t i = 0; i < data.features.size(); ++i) {
    data.features[i] = static_cast<float>(stream.words(i / 4)[i % 4] >> 8) * 0x1p-24F;
  }
  for (Offset i = 0; i < samples; ++i) {
    const auto number_of_sample = static_cast<std::uint64_t>(i);
    data.labels.push_back(
        static_cast<std::int32_t>(stream.bits(number_of_sample, 1) % static_cast<std::uint64_t>(classes)));
  }
  return data;
}

}  // namespace plexus::bench
