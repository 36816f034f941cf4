#pragma once

#include <cstdint>

#include "src/config/experiment_config.hpp"
#include "src/state/dataset.hpp"

namespace plexus {

/// Loads the data set that `config` names and makes it ready for training.
///
/// 1. The source registered for data.format reads the whole data set.
/// 2. Subset, where data.train_samples or data.test_samples asks for n > 0: the first n samples of a
/// permutation that
///    only `seed` and the size of the part decide, in the order of the permutation.
/// 3. Scaling: "none"; "unit", x / 255; "standardize", (x - mean) / (deviation + 1e-4) per feature, with the
/// mean and
///    the (population) deviation of the training part after the subset.
///
/// `classes` is the largest label of the whole data set plus 1, so that a subset does not change it. `name`
/// is the last part of data.path. `identity` is XXH3-64 of the bytes of training features, training labels,
/// test features and test labels, in this order, as they are returned.
///
/// Not collective. Cost: a few passes over the data; the stored bytes and the features are in memory
/// together.
/// @throws InputError if files are missing or damaged, a feature is not finite, a label is negative, the
/// parts
///   have different numbers of features, or a subset is larger than its part
[[nodiscard]] DataSplit load_data(const DataConfig& config, std::uint64_t seed);

}  // namespace plexus
