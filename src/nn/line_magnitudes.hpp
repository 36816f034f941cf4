#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "src/sparse/slabs.hpp"
#include "src/support/parallel.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// The largest magnitude in each line of a layer's values, collected by threads side by side.
class LineMagnitudes {
 public:
  /// Starts anew for `lines` lines; keeps its memory.
  void reset(Index lines) {
    lines_ = static_cast<std::size_t>(lines);
    largest_.assign(static_cast<std::size_t>(thread_count()) * thread_stride(), Real{0});
  }

  /// What the calling thread of a parallel region has found in the lines from `first_line` on, for it to
  /// raise.
  [[nodiscard]] Real* of_thread(Index first_line) {
    return largest_.data() + static_cast<std::size_t>(thread_number()) * thread_stride() +
           static_cast<std::size_t>(first_line);
  }

  /// Over all threads.
  [[nodiscard]] Real largest(Index line) const {
    Real most = 0;
    for (std::size_t i = static_cast<std::size_t>(line); i < largest_.size(); i += thread_stride())
      most = std::max(most, largest_[i]);
    return most;
  }

 private:
  /// Whole cache lines, so that threads do not disturb each other.
  [[nodiscard]] std::size_t thread_stride() const { return (lines_ + 31) / 16 * 16; }

  std::size_t lines_ = 0;
  std::vector<Real> largest_;
};

}  // namespace plexus
