#include "io/datasets/data_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "src/support/error.hpp"

namespace plexus {

namespace {

struct CloseGzip {
  void operator()(gzFile file) const { gzclose_r(file); }
};
using GzipFile = std::unique_ptr<gzFile_s, CloseGzip>;

}  // namespace

std::filesystem::path find_data_file(const std::filesystem::path& folder, const std::string& name) {
  std::error_code cannot_look;
  require(!folder.empty(), "data.path is not set. Set it to the folder that holds {}[.gz].", name);
  require(std::filesystem::is_directory(folder, cannot_look),
          "data folder '{}' {}. Set data.path to the folder that holds {}[.gz].", folder.string(),
          std::filesystem::exists(folder, cannot_look) ? "is not a folder" : "does not exist", name);
  for (const auto& candidate : {folder / name, folder / (name + ".gz")}) {
    if (std::filesystem::exists(candidate, cannot_look)) return candidate;
  }
  throw InputError(
      fmt::format("data folder '{}' holds neither {} nor {}.gz. Put one of them there, or set data.path "
                  "and data.format to what you have.",
                  folder.string(), name, name));
}

std::string read_data_file(const std::filesystem::path& file) {
  constexpr unsigned chunk = 1U << 20;
  std::error_code cannot_look;
  require(!std::filesystem::is_directory(file, cannot_look),
          "data file '{}' is a folder. Put the file in its place.", file.string());
  errno = 0;  // zlib leaves it alone when memory runs out
  const GzipFile gzip(gzopen(file.c_str(), "rb"));
  require(gzip != nullptr, "data file '{}' cannot be opened: {}. Check its permissions.", file.string(),
          std::strerror(errno));
  gzbuffer(gzip.get(), chunk);
  std::string bytes;
  while (true) {
    const std::size_t before = bytes.size();
    bytes.resize(before + chunk);
    const int read = gzread(gzip.get(), bytes.data() + before, chunk);
    bytes.resize(before + static_cast<std::size_t>(read > 0 ? read : 0));
    if (read <= 0) break;
  }
  int status = Z_OK;
  const char* reason = gzerror(gzip.get(), &status);
  require(status != Z_BUF_ERROR,
          "data file '{}' is truncated: the gzip stream ends early. Copy the file again.", file.string());
  require(status != Z_ERRNO, "data file '{}' cannot be read: {}. Check the disk, then copy the file again.",
          file.string(), std::strerror(errno));
  require(status == Z_OK || status == Z_STREAM_END,
          "data file '{}' is damaged: gzip reports '{}'. Copy the file again.", file.string(), reason);
  return bytes;
}

}  // namespace plexus
