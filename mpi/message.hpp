#pragma once

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/utility.hpp>
#include <boost/serialization/vector.hpp>
#include <cstddef>
#include <exception>
#include <span>
#include <streambuf>
#include <vector>

#include "src/support/error.hpp"

// Structured messages between the ranks of one job: any type that Boost.Serialization can store, as bytes.
// Only between processes of one job, which run the same executable: the bytes depend on the build and the
// machine and have no header. Never write them to a file.

namespace plexus {

namespace detail {

/// Appends all that is written to a vector of bytes.
class ByteSink final : public std::streambuf {
 public:
  explicit ByteSink(std::vector<std::byte>& bytes) : bytes_(bytes) {}

 private:
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) {
      bytes_.push_back(static_cast<std::byte>(traits_type::to_char_type(c)));
    }
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    const auto* first = reinterpret_cast<const std::byte*>(text);
    bytes_.insert(bytes_.end(), first, first + count);
    return count;
  }

  std::vector<std::byte>& bytes_;
};

/// Reads from bytes in place.
class ByteSource final : public std::streambuf {
 public:
  explicit ByteSource(std::span<const std::byte> bytes) {
    // A get area is never written to; std::streambuf just has no const form of it.
    char* first = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    setg(first, first, first + bytes.size());
  }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(egptr() - gptr()); }
};

inline constexpr unsigned archive_flags = boost::archive::no_header | boost::archive::no_codecvt;

}  // namespace detail

/// Independent.
template <class T>
[[nodiscard]] std::vector<std::byte> to_bytes(const T& message) {
  std::vector<std::byte> bytes;
  detail::ByteSink sink(bytes);
  {
    boost::archive::binary_oarchive archive(sink, detail::archive_flags);
    archive << message;
  }
  return bytes;
}

/// Independent. Inverse of `to_bytes` for the same type.
/// @throws Fault if the bytes end early or hold more than one `T`: the ranks disagree about the message.
template <class T>
[[nodiscard]] T from_bytes(std::span<const std::byte> bytes) {
  T message{};
  detail::ByteSource source(bytes);
  try {
    boost::archive::binary_iarchive archive(source, detail::archive_flags);
    archive >> message;
  } catch (const std::exception& broken) {
    throw Fault(
        fmt::format("a message of {} bytes from another rank cannot be read ({}). Check that all ranks run "
                    "the same executable.",
                    bytes.size(), broken.what()));
  }
  ensure(source.left() == 0,
         "a message of {} bytes from another rank has {} bytes too many. Check that all ranks run the same "
         "executable.",
         bytes.size(), source.left());
  return message;
}

}  // namespace plexus
