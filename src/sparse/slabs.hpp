#pragma once

#include <cstddef>

#include "src/support/aligned.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Samples of a virtual shard. The global batch is cut into shards of this many samples, whatever the number
/// of ranks; every sum over samples is first taken inside a shard, in a fixed order. Part of what a run
/// computes.
inline constexpr Index shard_samples = 16;

/// Values of one layer's neurons for some shards: [shard][neuron][sample of the shard], so that a neuron's
/// values for a shard are one cache line. Lanes without a sample hold 0.
class Slabs {
 public:
  Slabs() = default;

  /// Makes room for `shards` x `neurons`; keeps the memory when it suffices. The contents are unspecified.
  void resize(Index shards, Index neurons) {
    shards_ = shards;
    neurons_ = neurons;
    const auto needed = static_cast<std::size_t>(shards) * static_cast<std::size_t>(stride());
    if (values_.size() < needed) values_.resize(needed);
  }

  [[nodiscard]] Index shards() const { return shards_; }
  [[nodiscard]] Index neurons() const { return neurons_; }
  /// Elements from one shard to the next.
  [[nodiscard]] Offset stride() const { return static_cast<Offset>(neurons_) * shard_samples; }

  [[nodiscard]] Real* data() { return values_.data(); }
  [[nodiscard]] const Real* data() const { return values_.data(); }
  [[nodiscard]] Real* shard(Index s) { return values_.data() + s * stride(); }
  [[nodiscard]] const Real* shard(Index s) const { return values_.data() + s * stride(); }
  /// The `shard_samples` values of one neuron in one shard.
  [[nodiscard]] Real* at(Index s, Index neuron) {
    return shard(s) + static_cast<Offset>(neuron) * shard_samples;
  }
  [[nodiscard]] const Real* at(Index s, Index neuron) const {
    return shard(s) + static_cast<Offset>(neuron) * shard_samples;
  }

 private:
  Index shards_ = 0;
  Index neurons_ = 0;
  AlignedVector<Real> values_;
};

}  // namespace plexus
