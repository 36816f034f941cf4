#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "src/sparse/slabs.hpp"
#include "src/support/parallel.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The largest magnitude in each shard of a layer's values, collected by threads side by side.
class ShardMagnitudes {
 public:
  /// Starts anew for `shards` shards; keeps its memory.
  void reset(Index shards) {
    shards_ = static_cast<std::size_t>(shards);
    largest_.assign(static_cast<std::size_t>(thread_count()) * thread_stride(), Real{0});
  }

  /// What the calling thread of a parallel region has found in the shards from `first_shard` on, for it to
  /// raise.
  [[nodiscard]] Real* of_thread(Index first_shard) {
    return largest_.data() + static_cast<std::size_t>(thread_number()) * thread_stride() +
           static_cast<std::size_t>(first_shard);
  }

  /// Over all threads.
  [[nodiscard]] Real largest(Index shard) const {
    Real most = 0;
    for (std::size_t i = static_cast<std::size_t>(shard); i < largest_.size(); i += thread_stride())
      most = std::max(most, largest_[i]);
    return most;
  }

 private:
  /// Whole cache lines, so that threads do not disturb each other.
  [[nodiscard]] std::size_t thread_stride() const { return (shards_ + 31) / 16 * 16; }

  std::size_t shards_ = 0;
  std::vector<Real> largest_;
};

}  // namespace plexus
