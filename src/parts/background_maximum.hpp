#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "src/parts/parts.hpp"

namespace plexus {

/// The greatest of what the parts of a network know, number by number, found while they work on something
/// else. For a few numbers: each part sends its own to all others.
class BackgroundMaximum {
 public:
  /// Collective.
  explicit BackgroundMaximum(Parts& parts);

  /// Collective. All parts pass as many; those of the call before are forgotten.
  void start(std::span<const std::int64_t> values);
  /// Collective, after `start`. @return the greatest of each; until the next `start`
  [[nodiscard]] std::span<const std::int64_t> finish();

 private:
  int own_;
  std::vector<std::int64_t> sent_;
  std::vector<std::vector<std::int64_t>> of_parts_;  ///< the own ones become the greatest
  std::unique_ptr<PeerMessages> messages_;
};

}  // namespace plexus
