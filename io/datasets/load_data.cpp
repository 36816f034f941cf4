#include "io/datasets/load_data.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "src/state/dataset_source.hpp"
#include "src/support/error.hpp"
#include "src/support/keyed_permutation.hpp"
#include "src/support/random_stream.hpp"

namespace plexus {

namespace {

constexpr double least_deviation =
    1e-4;  // keeps constant features finite; SET's code uses it for the lung data

void check_part(const Dataset& part, const std::string& name, const std::string& path) {
  const auto bad_feature = std::ranges::find_if_not(part.features, [](float x) { return std::isfinite(x); });
  if (bad_feature != part.features.end()) {
    const auto position = bad_feature - part.features.begin();
    throw InputError(fmt::format(
        "the {} part of '{}' has the value {} in sample {}, feature {} (counted from 0). "
        "Training on it would spoil every weight; remove or replace it.",
        name, path, *bad_feature, position / part.features_per_sample, position % part.features_per_sample));
  }
  for (Offset i = 0; i < part.samples(); ++i) {
    const std::int32_t label = part.labels[static_cast<std::size_t>(i)];
    require(label >= 0 && label < std::numeric_limits<std::int32_t>::max(),
            "the {} part of '{}' has the label {} in sample {} (counted from 0). Number the classes from 0.",
            name, path, label, i);
  }
}

/// Keeps `wanted` samples of a part. @param layer distinguishes the parts in the key of the permutation.
void take_subset(Dataset& part, Offset wanted, const std::string& name, const std::string& path,
                 std::uint64_t seed, std::uint64_t layer) {
  if (wanted == 0) return;
  require(wanted > 0 && wanted <= part.samples(),
          "{0}_samples is {1}, but the {0} part of '{2}' holds {3} samples. Set data.{0}_samples to at most "
          "{3}, or to "
          "0 for all.",
          name, wanted, path, part.samples());
  const KeyedPermutation permutation(RandomStream(seed, Purpose::subset, 0, layer),
                                     static_cast<std::uint64_t>(part.samples()));
  Dataset subset;
  subset.features_per_sample = part.features_per_sample;
  subset.classes = part.classes;
  subset.features.reserve(static_cast<std::size_t>(wanted * part.features_per_sample));
  subset.labels.reserve(static_cast<std::size_t>(wanted));
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(wanted); ++i) {
    const auto chosen = static_cast<Offset>(permutation(i));
    const float* features = part.sample(chosen);
    subset.features.insert(subset.features.end(), features, features + part.features_per_sample);
    subset.labels.push_back(part.labels[static_cast<std::size_t>(chosen)]);
  }
  part = std::move(subset);
}

void divide_by_255(Dataset& part) {
  for (float& x : part.features) x /= 255.0F;
}

/// Mean of term(x, feature) over the samples of a part, per feature.
template <class Term>
std::vector<double> mean_per_feature(const Dataset& part, Term&& term) {
  const auto features = static_cast<std::size_t>(part.features_per_sample);
  std::vector<double> mean(features, 0.0);
  for (Offset i = 0; i < part.samples(); ++i) {
    const float* sample = part.sample(i);
    for (std::size_t f = 0; f < features; ++f) mean[f] += term(static_cast<double>(sample[f]), f);
  }
  for (double& m : mean) m /= static_cast<double>(part.samples());
  return mean;
}

void standardize(DataSplit& data) {
  const auto mean = mean_per_feature(data.train, [](double x, std::size_t) { return x; });
  auto deviation =
      mean_per_feature(data.train, [&](double x, std::size_t f) { return (x - mean[f]) * (x - mean[f]); });
  for (double& d : deviation) d = std::sqrt(d);
  for (Dataset* part : {&data.train, &data.test}) {
    const std::size_t features = mean.size();
    for (std::size_t start = 0; start < part->features.size(); start += features) {
      float* sample = part->features.data() + start;
      for (std::size_t f = 0; f < features; ++f) {
        sample[f] =
            static_cast<float>((static_cast<double>(sample[f]) - mean[f]) / (deviation[f] + least_deviation));
      }
    }
  }
}

void scale(DataSplit& data, const std::string& scaling) {
  if (scaling == "unit") {
    divide_by_255(data.train);
    divide_by_255(data.test);
  } else if (scaling == "standardize") {
    standardize(data);
  } else {
    ensure(scaling == "none", "scaling '{}' went through the check of the config", scaling);
  }
}

std::uint64_t identity_of(const DataSplit& data) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  ensure(state != nullptr && XXH3_64bits_reset(state.get()) == XXH_OK, "no memory for the hash of the data");
  for (const Dataset* part : {&data.train, &data.test}) {
    XXH3_64bits_update(state.get(), part->features.data(), part->features.size() * sizeof(float));
    XXH3_64bits_update(state.get(), part->labels.data(), part->labels.size() * sizeof(std::int32_t));
  }
  return XXH3_64bits_digest(state.get());
}

/// The last folder of a path, also of "x/" and ".".
std::string name_of(const std::string& path) {
  const auto full = std::filesystem::absolute(path).lexically_normal();
  return (full.has_filename() ? full.filename() : full.parent_path().filename()).string();
}

}  // namespace

DataSplit load_data(const DataConfig& config, std::uint64_t seed) {
  DataSplit data = DatasetRegistry::instance().make(config.format, "data.format")->load(config);
  require(data.train.features_per_sample == data.test.features_per_sample,
          "samples of the train part of '{}' have {} features, those of the test part {}. Use parts of one "
          "data set.",
          config.path, data.train.features_per_sample, data.test.features_per_sample);
  check_part(data.train, "train", config.path);
  check_part(data.test, "test", config.path);
  const Index classes = 1 + std::max(std::ranges::max(data.train.labels), std::ranges::max(data.test.labels));
  data.train.classes = classes;
  data.test.classes = classes;
  take_subset(data.train, config.train_samples, "train", config.path, seed, 0);
  take_subset(data.test, config.test_samples, "test", config.path, seed, 1);
  scale(data, config.scaling);
  data.name = name_of(config.path);
  data.identity = identity_of(data);
  return data;
}

}  // namespace plexus
