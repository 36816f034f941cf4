#pragma once

#include <cstdint>

#include "src/state/dataset.hpp"
#include "src/support/types.hpp"

namespace plexus::bench {

/// Samples of random features in [0, 1) and random labels; others for each `number`.
[[nodiscard]] Dataset random_data(Offset samples, Index features, Index classes, std::uint64_t number);

}  // namespace plexus::bench
