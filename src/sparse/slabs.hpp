#pragma once

#include <algorithm>
#include <cstddef>

#include "src/support/aligned.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Neurons [begin, end) of a layer; threads work on disjoint ranges.
struct RowRange {
  Index begin;
  Index end;
};

/// Slabs [begin, end) of a batch.
struct SlabRange {
  Index begin;
  Index end;
};

/// Samples of a line: one neuron's values for them are one cache line of floats.
inline constexpr Index line_samples = 16;

/// Samples of a virtual shard. The global batch is cut into shards of this many samples, whatever the number
/// of ranks; every sum over samples is first taken inside a shard, in a fixed order. Part of what a run
/// computes.
inline constexpr Index shard_samples = 32;
inline constexpr Index shard_lines = shard_samples / line_samples;

/// Most lines of a slab: a neuron's values for a slab lie side by side, and the slab of a layer of a few
/// thousand neurons stays in the L2 cache while a kernel works on it.
inline constexpr Index slab_lines = 4;

/// Where one neuron's values for a slab of `lines` lines hold that of sample `sample` of the slab. A full
/// slab holds its two shards side by side: line q the samples from 8 q on of both, those of the first shard
/// in its lower half. Their sums over samples are then made together, each in half a register, without moving
/// lanes between registers first. Fewer lines hold their samples one after the other.
[[nodiscard, gnu::always_inline]] constexpr Index lane_of(Index sample, Index lines) {
  static_assert(slab_lines == 2 * shard_lines);
  if (lines < slab_lines) return sample;
  constexpr Index half = line_samples / 2;
  const Index shard = sample / shard_samples;
  const Index of_shard = sample % shard_samples;
  return of_shard / half * line_samples + shard * half + of_shard % half;
}

/// Bytes of the widest layer's slab beyond which all slabs of a network have the lines of one shard only: the
/// less a kernel reads at random, the more of it the last cache and the core's address translations hold.
/// Measured on Zen 4: random reads from a slab of 8 MiB are nearly twice as fast as from one of 16.
inline constexpr Offset large_slab_bytes = Offset{8} << 20;

/// Bytes of a slab of `lines` lines of a layer of `neurons` neurons.
[[nodiscard]] constexpr Offset slab_bytes(Index neurons, Index lines) {
  return Offset{neurons} * lines * line_samples * static_cast<Offset>(sizeof(Real));
}

/// Lines of a slab where the widest layer has `neurons` neurons.
[[nodiscard]] constexpr Index slab_lines_for(Index neurons) {
  return slab_bytes(neurons, slab_lines) > large_slab_bytes ? shard_lines : slab_lines;
}

/// Shards that have lines among the first `lines`.
[[nodiscard]] constexpr Index shards_of(Index lines) { return (lines + shard_lines - 1) / shard_lines; }

/// Lines that `samples` samples take.
[[nodiscard]] constexpr Index lines_of(Offset samples) {
  return static_cast<Index>((samples + line_samples - 1) / line_samples);
}

/// Values of a layer's neurons for the samples of one slab: [neuron][line][lane], samples as `lane_of` says.
struct ConstSlabView {
  const Real* values;
  Index lines;  ///< 1 to slab_lines
  [[nodiscard]] const Real* neuron(Index n) const {
    return values + static_cast<Offset>(n) * lines * line_samples;
  }
};
struct SlabView {
  Real* values;
  Index lines;
  [[nodiscard]] Real* neuron(Index n) const { return values + static_cast<Offset>(n) * lines * line_samples; }
  operator ConstSlabView() const { return {values, lines}; }  // NOLINT: a view of more is a view of less
};

/// Values of one layer's neurons for some samples, slab after slab. All slabs but the last have equally many
/// lines, whole shards, the same in all layers of a network. Lanes without a sample hold 0. Where several
/// parts share a network, a part holds its own neurons, which are neighbours, and those of others that it
/// reads, before and behind them.
class Slabs {
 public:
  Slabs() = default;

  /// Neurons of other parts that are held from the next `resize` on.
  void surround(Index before, Index behind) {
    before_ = before;
    behind_ = behind;
  }

  /// Makes room for `lines` x `own_neurons`, and the neurons around them, in slabs of `lines_per_slab`, at
  /// most `slab_lines`; keeps the memory when it suffices. The contents are unspecified.
  void resize(Index lines, Index own_neurons, Index lines_per_slab = slab_lines) {
    lines_ = lines;
    lines_per_slab_ = lines_per_slab;
    neurons_ = before_ + own_neurons + behind_;
    const auto needed = static_cast<std::size_t>(size());
    if (values_.size() < needed) values_.resize(needed);
  }

  [[nodiscard]] Index lines() const { return lines_; }
  /// All that are held.
  [[nodiscard]] Index neurons() const { return neurons_; }
  /// Those of other parts among them.
  [[nodiscard]] Index other_neurons() const { return before_ + behind_; }
  [[nodiscard]] Index lines_per_slab() const { return lines_per_slab_; }
  [[nodiscard]] Index slabs() const { return (lines_ + lines_per_slab_ - 1) / lines_per_slab_; }
  [[nodiscard]] Index first_line(Index s) const { return s * lines_per_slab_; }
  [[nodiscard]] Index shards() const { return shards_of(lines_); }
  [[nodiscard]] Index first_shard(Index s) const { return shards_of(first_line(s)); }
  /// Values of all slabs.
  [[nodiscard]] Offset size() const { return static_cast<Offset>(lines_) * neurons_ * line_samples; }

  [[nodiscard]] Real* data() { return values_.data(); }
  [[nodiscard]] const Real* data() const { return values_.data(); }
  [[nodiscard]] SlabView slab(Index s) { return {values_.data() + first_value(s), lines_in(s)}; }
  [[nodiscard]] ConstSlabView slab(Index s) const { return {values_.data() + first_value(s), lines_in(s)}; }
  /// Slab s from the first own neuron on.
  [[nodiscard]] SlabView own(Index s) { return {slab(s).neuron(before_), lines_in(s)}; }
  [[nodiscard]] ConstSlabView own(Index s) const { return {slab(s).neuron(before_), lines_in(s)}; }
  /// One neuron's value for one sample.
  [[nodiscard]] Real& at(Offset sample, Index neuron) { return values_[place_of(sample, neuron)]; }
  [[nodiscard]] Real at(Offset sample, Index neuron) const { return values_[place_of(sample, neuron)]; }

 private:
  [[nodiscard]] std::size_t place_of(Offset sample, Index neuron) const {
    const Offset samples_per_slab = Offset{lines_per_slab_} * line_samples;
    const auto s = static_cast<Index>(sample / samples_per_slab);
    const Index lane = lane_of(static_cast<Index>(sample % samples_per_slab), lines_in(s));
    return static_cast<std::size_t>(first_value(s) + Offset{neuron} * lines_in(s) * line_samples + lane);
  }
  [[nodiscard]] Offset first_value(Index s) const {
    return static_cast<Offset>(first_line(s)) * neurons_ * line_samples;
  }
  [[nodiscard]] Index lines_in(Index s) const { return std::min(lines_per_slab_, lines_ - first_line(s)); }

  Index lines_ = 0;
  Index lines_per_slab_ = slab_lines;
  Index neurons_ = 0;
  Index before_ = 0;
  Index behind_ = 0;
  AlignedVector<Real> values_;
};

}  // namespace plexus
