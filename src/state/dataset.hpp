#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/support/types.hpp"

namespace plexus {

/// Labelled samples. A row of `features` is a sample.
struct Dataset {
  Index features_per_sample = 0;
  Index classes = 0;
  std::vector<float> features;       ///< samples() x features_per_sample, row-major
  std::vector<std::int32_t> labels;  ///< in [0, classes)

  [[nodiscard]] Offset samples() const { return static_cast<Offset>(labels.size()); }
  [[nodiscard]] const float* sample(Offset i) const { return features.data() + i * features_per_sample; }
};

/// What a run trains and tests on.
struct DataSplit {
  Dataset train;
  Dataset test;
  std::string name;        ///< for people
  std::uint64_t identity;  ///< hash of the values and labels of both parts, after subset and scaling
};

}  // namespace plexus
