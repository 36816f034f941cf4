#include "io/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "io/file_descriptor.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view marker = ".tmp-";

}  // namespace

TemporaryFile::TemporaryFile(fs::path final_path)
    : final_path_(std::move(final_path)),
      path_(final_path_.parent_path() /
            fmt::format(".{}{}{}", final_path_.filename().string(), marker, ::getpid())) {}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;  // the next start removes what stays behind
  if (!published_) fs::remove(path_, ignored);
}

void TemporaryFile::publish() {
  std::error_code error;
  fs::rename(path_, final_path_, error);
  ensure(!error, "cannot put '{}' in place: {}", final_path_.string(), error.message());
  published_ = true;
  sync_folder(final_path_.parent_path());
}

void write_text_durably(const fs::path& path, std::string_view text) {
  TemporaryFile temporary(path);
  FileDescriptor file(::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  int error = file.is_open() ? write_all(file.number(), text.data(), text.size()) : errno;
  if (error == 0 && ::fsync(file.number()) != 0) error = errno;
  const int close_error = file.reset();
  if (error == 0) error = close_error;
  ensure(error == 0, "cannot write '{}': {}", path.string(), reason_of(error));
  temporary.publish();
}

void sync_folder(const fs::path& folder) {
  const fs::path name = folder.empty() ? fs::path(".") : folder;
  const FileDescriptor opened(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // EINVAL: a file system that cannot sync folders has nothing to make durable.
  const bool synced = opened.is_open() && (::fsync(opened.number()) == 0 || errno == EINVAL);
  ensure(synced, "cannot sync folder '{}': {}", name.string(), reason_of(errno));
}

bool is_temporary_name(std::string_view file_name) {
  const auto at = file_name.rfind(marker);
  if (!file_name.starts_with('.') || at == std::string_view::npos) return false;
  const std::string_view pid = file_name.substr(at + marker.size());
  return !pid.empty() &&
         std::all_of(pid.begin(), pid.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

void remove_stale_temporaries(const fs::path& folder) {
  std::error_code ignored;  // a file that cannot be removed does no harm
  std::vector<fs::path> stale;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (is_temporary_name(entry.path().filename().string())) stale.push_back(entry.path());
  }
  for (const auto& path : stale) fs::remove(path, ignored);
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  require(file.good(), "cannot open '{}': {}", path.string(), reason_of(errno));
  std::ostringstream text;
  text << file.rdbuf();
  require(!file.bad(), "cannot read '{}': {}", path.string(), reason_of(errno));
  return std::move(text).str();
}

}  // namespace plexus
