#include "src/support/random_stream.hpp"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

#include "src/support/hash.hpp"

namespace plexus {

namespace {

constexpr double two_to_minus_53 = 0x1.0p-53;

std::uint64_t join(std::uint32_t high, std::uint32_t low) {
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t epoch, std::uint64_t layer) {
  const std::uint64_t key = mix64(seed, static_cast<std::uint64_t>(purpose), epoch, layer);
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

std::array<std::uint32_t, 4> RandomStream::words(std::uint64_t a, std::uint64_t b) const {
  const r123::Philox4x32::ctr_type counter{
      {static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32), static_cast<std::uint32_t>(b),
       static_cast<std::uint32_t>(b >> 32)}};
  const r123::Philox4x32::key_type key{{key_[0], key_[1]}};
  const auto out = r123::Philox4x32{}(counter, key);
  return {out[0], out[1], out[2], out[3]};
}

std::uint64_t RandomStream::bits(std::uint64_t a, std::uint64_t b) const {
  const auto w = words(a, b);
  return join(w[1], w[0]);
}

double RandomStream::uniform(std::uint64_t a, std::uint64_t b) const {
  return static_cast<double>(bits(a, b) >> 11) * two_to_minus_53;
}

double RandomStream::normal(std::uint64_t a, std::uint64_t b) const {
  const auto w = words(a, b);
  const double in_zero_one = static_cast<double>((join(w[1], w[0]) >> 11) + 1) * two_to_minus_53;  // never 0
  const double angle = 2.0 * std::numbers::pi * static_cast<double>(join(w[3], w[2]) >> 11) * two_to_minus_53;
  return std::sqrt(-2.0 * std::log(in_zero_one)) * std::cos(angle);
}

}  // namespace plexus
