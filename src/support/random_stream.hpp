#pragma once

#include <array>
#include <cstdint>

namespace plexus {

/// What a random number is used for. Part of its key, so that no two uses ever share numbers.
/// The values are part of the meaning of a checkpoint: add new ones at the end, never renumber.
enum class Purpose : std::uint32_t {
  topology = 1,
  weight = 2,
  sample_order = 3,
  dropout = 4,
  growth = 5,
  grown_weight = 6,
  subset = 7,
};

/// Keyed random numbers: a draw is a pure function of (seed, purpose, epoch, layer, a, b). There is no state
/// to save, broadcast or lose, and every rank and thread gets the same draw for the same thing.
/// Philox4x32-10 (Salmon et al., SC'11) from Random123.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t epoch = 0, std::uint64_t layer = 0);

  /// The Philox key of this stream; for kernels that draw many numbers at once.
  [[nodiscard]] std::array<std::uint32_t, 2> key() const { return key_; }

  /// Four words for counter (a, b).
  [[nodiscard]] std::array<std::uint32_t, 4> words(std::uint64_t a, std::uint64_t b = 0) const;

  /// 64 random bits for counter (a, b).
  [[nodiscard]] std::uint64_t bits(std::uint64_t a, std::uint64_t b = 0) const;

  /// Uniform in [0, 1), a multiple of 2^-53.
  [[nodiscard]] double uniform(std::uint64_t a, std::uint64_t b = 0) const;

  /// Standard normal (Box-Muller).
  [[nodiscard]] double normal(std::uint64_t a, std::uint64_t b = 0) const;

 private:
  std::array<std::uint32_t, 2> key_;
};

}  // namespace plexus
