#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "src/support/error.hpp"

namespace plexus {

/// Appends an array to a message between parts, behind its length.
template <class T>
void append(std::vector<std::byte>& message, std::span<const T> values) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto count = static_cast<std::uint64_t>(values.size());
  const auto length = std::as_bytes(std::span(&count, 1));
  const auto bytes = std::as_bytes(values);
  message.insert(message.end(), length.begin(), length.end());
  message.insert(message.end(), bytes.begin(), bytes.end());
}
template <class T>
void append(std::vector<std::byte>& message, const std::vector<T>& values) {
  append(message, std::span<const T>(values));
}

/// The arrays of a message, in the order in which they were appended. The message must outlive it.
class PartMessage {
 public:
  explicit PartMessage(std::span<const std::byte> message) : rest_(message) {}

  /// @throws Fault if there is no array left
  template <class T>
  [[nodiscard]] std::vector<T> next() {
    std::uint64_t count = 0;
    take(&count, sizeof count);
    ensure(count <= rest_.size() / sizeof(T), "a message of another part is too short");
    std::vector<T> values(count);
    take(values.data(), count * sizeof(T));
    return values;
  }

 private:
  void take(void* to, std::size_t bytes) {
    ensure(bytes <= rest_.size(), "a message of another part is too short");
    if (bytes > 0) std::memcpy(to, rest_.data(), bytes);
    rest_ = rest_.subspan(bytes);
  }

  std::span<const std::byte> rest_;
};

}  // namespace plexus
