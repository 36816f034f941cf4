#pragma once

#include <Random123/philox.h>

#include <array>
#include <cstddef>
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
  local_growth = 8,
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
  [[nodiscard]] std::array<std::uint32_t, 4> words(std::uint64_t a, std::uint64_t b = 0) const {
    const r123::Philox4x32::ctr_type counter{
        {static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32), static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(b >> 32)}};
    const auto out = r123::Philox4x32{}(counter, {{key_[0], key_[1]}});
    return {out[0], out[1], out[2], out[3]};
  }

  /// The four words as two numbers of 64 bits. The first is bits(a, b).
  [[nodiscard]] std::array<std::uint64_t, 2> pair(std::uint64_t a, std::uint64_t b = 0) const {
    const auto w = words(a, b);
    return {join(w[1], w[0]), join(w[3], w[2])};
  }

  /// out[2i] and out[2i + 1] become pair(a[i], b[i]), for i < count: several times faster than one by one
  /// where `count` is a multiple of `side_by_side`.
  void pairs(const std::uint64_t* a, const std::uint64_t* b, std::size_t count, std::uint64_t* out) const;

  static constexpr std::size_t side_by_side = 8;

  /// 64 random bits for counter (a, b).
  [[nodiscard]] std::uint64_t bits(std::uint64_t a, std::uint64_t b = 0) const { return pair(a, b)[0]; }

  /// Uniform in [0, 1), a multiple of 2^-53.
  [[nodiscard]] double uniform(std::uint64_t a, std::uint64_t b = 0) const { return unit(bits(a, b)); }

  /// Standard normal (Box-Muller).
  [[nodiscard]] double normal(std::uint64_t a, std::uint64_t b = 0) const;

  /// 64 random bits as a number in [0, 1), a multiple of 2^-53.
  [[nodiscard]] static double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

 private:
  static std::uint64_t join(std::uint32_t high, std::uint32_t low) {
    return (static_cast<std::uint64_t>(high) << 32) | low;
  }

  std::array<std::uint32_t, 2> key_;
};

}  // namespace plexus
