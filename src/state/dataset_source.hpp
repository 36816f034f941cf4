#pragma once

#include "src/config/experiment_config.hpp"
#include "src/state/dataset.hpp"
#include "src/support/registry.hpp"

namespace plexus {

/// Reads data sets of one storage format. Registered under the name that data.format gives.
class DatasetSource {
 public:
  virtual ~DatasetSource() = default;

  /// The whole data set as stored: no subset, no scaling. Both parts have at least one sample and the same
  /// `features_per_sample`; labels are not negative. The caller sets `classes`, `name` and `identity`.
  /// @throws InputError naming the file, and the place in it, when the data are missing or damaged
  [[nodiscard]] virtual DataSplit load(const DataConfig& config) const = 0;
};

using DatasetRegistry = Registry<DatasetSource>;
using DatasetRegistrar = Registrar<DatasetSource>;

}  // namespace plexus
