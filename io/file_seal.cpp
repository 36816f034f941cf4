#include "io/file_seal.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "io/file_descriptor.hpp"
#include "io/stream_hash.hpp"
#include "src/support/error.hpp"
#include "src/support/sign_of_life.hpp"

namespace plexus {

static_assert(std::endian::native == std::endian::little, "the hash is stored as it lies in memory");

namespace {

constexpr std::string_view magic = "plexus-1";
constexpr std::size_t block_size = std::size_t{1} << 20;
using Seal = std::array<char, 16>;

Seal seal_of(std::uint64_t hash) {
  Seal bytes{};
  std::memcpy(bytes.data(), magic.data(), magic.size());
  std::memcpy(bytes.data() + magic.size(), &hash, sizeof hash);
  return bytes;
}

FileDescriptor open_file(const std::filesystem::path& path, int mode) {
  FileDescriptor file(::open(path.c_str(), mode | O_CLOEXEC));
  ensure(file.is_open(), "cannot open it: {}", reason_of(errno));
  return file;
}

std::size_t size_of(const FileDescriptor& file) {
  struct stat properties {};
  ensure(::fstat(file.number(), &properties) == 0, "cannot find its size: {}", reason_of(errno));
  return static_cast<std::size_t>(properties.st_size);
}

/// Reads exactly `size` bytes at the file offset.
void read_all(const FileDescriptor& file, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(file.number(), to, size);
    if (got < 0 && errno == EINTR) continue;
    ensure(got >= 0, "cannot read it: {}", reason_of(errno));
    ensure(got > 0, "it became shorter while it was read");
    to += got;
    size -= static_cast<std::size_t>(got);
  }
}

/// Hash of the next `size` bytes.
std::uint64_t hash_of(const FileDescriptor& file, std::size_t size) {
  StreamHash hash;
  std::vector<char> block(std::min(size, block_size));
  while (size > 0) {
    const std::size_t part = std::min(size, block.size());
    read_all(file, block.data(), part);
    hash.add(block.data(), part);
    sign_of_life();
    size -= part;
  }
  return hash.value();
}

}  // namespace

void seal(const std::filesystem::path& path) {
  FileDescriptor file = open_file(path, O_RDWR);
  const Seal bytes = seal_of(hash_of(file, size_of(file)));  // the file offset is now at the end
  int error = write_all(file.number(), bytes.data(), bytes.size());
  if (error == 0 && ::fsync(file.number()) != 0) error = errno;
  const int close_error = file.reset();
  if (error == 0) error = close_error;
  ensure(error == 0, "{}", reason_of(error));
}

void check_seal(const std::filesystem::path& path) {
  const FileDescriptor file = open_file(path, O_RDONLY);
  const std::size_t size = size_of(file);
  ensure(size >= Seal().size(), "it is only {} bytes long", size);
  const std::uint64_t hash = hash_of(file, size - Seal().size());
  Seal stored{};
  read_all(file, stored.data(), stored.size());
  ensure(std::string_view(stored.data(), magic.size()) == magic, "its end is missing");
  ensure(stored == seal_of(hash), "its bytes do not match the hash at its end");
}

}  // namespace plexus
