#include "io/metrics_log.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "io/durable_file.hpp"
#include "io/file_descriptor.hpp"
#include "io/metrics_table.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

/// Appends all of `text` or nothing. @return 0 or the errno.
int append_text(const std::filesystem::path& path, std::string_view text) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file.is_open()) return errno;
  const off_t end = ::lseek(file.number(), 0, SEEK_END);
  int error = end < 0 ? errno : write_all(file.number(), text.data(), text.size());
  if (error != 0 && end >= 0 && ::ftruncate(file.number(), end) != 0) error = errno;
  const int close_error = file.reset();
  return error != 0 ? error : close_error;
}

}  // namespace

std::string metrics_line(const EpochMetrics& metrics) {
  nlohmann::ordered_json line;
  for_each_metric([&](std::string_view name, auto member, std::string_view, std::string_view) {
    constexpr std::string_view prefix = "seconds_";
    if (name.starts_with(prefix)) {
      line["seconds"][std::string(name.substr(prefix.size()))] = metrics.*member;
    } else {
      line[std::string(name)] = metrics.*member;
    }
  });
  return line.dump();
}

MetricsLog::MetricsLog(std::filesystem::path path, Warn warn)
    : path_(std::move(path)), warn_(std::move(warn)) {}

void MetricsLog::append(const EpochMetrics& metrics) {
  unwritten_ += metrics_line(metrics) + "\n";
  if (const int error = append_text(path_, unwritten_); error == 0) {
    unwritten_.clear();
  } else {
    warn_(fmt::format("cannot write '{}': {}. Training continues; the next epoch tries again.",
                      path_.string(), reason_of(error)));
  }
}

void MetricsLog::rewrite(const std::vector<EpochMetrics>& history) {
  std::string text;
  for (const auto& metrics : history) text += metrics_line(metrics) + "\n";
  try {
    write_text_durably(path_, text);
  } catch (const Fault& fault) {
    throw Fault(fmt::format("{}. Make room and run the same command again.", fault.what()));
  }
  unwritten_.clear();
}

}  // namespace plexus
