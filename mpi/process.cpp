#include "mpi/process.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>

namespace plexus {

namespace {

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

/// MemAvailable of /proc/meminfo, which counts KiB.
std::int64_t memory_of_machine() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::int64_t kib = 0;
  for (std::string unit; file >> name >> kib; std::getline(file, unit)) {
    if (name == "MemAvailable:") return kib * 1024;
  }
  return unlimited;
}

/// What the control group (version 2) of this process may have, however much of it is taken.
std::int64_t memory_of_group() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with("0::")) continue;
    std::ifstream limit("/sys/fs/cgroup" + line.substr(3) + "/memory.max");
    std::int64_t bytes = 0;
    return limit >> bytes ? bytes : unlimited;  // the word "max", or no such file
  }
  return unlimited;
}

}  // namespace

void write_stderr(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;  // there is nobody left to tell
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::int64_t available_memory() { return std::min(memory_of_machine(), memory_of_group()); }

bool wants_shared_memory() {
  const char* wanted = std::getenv("PLEXUS_SHARED_MEMORY");
  return wanted == nullptr || std::string_view(wanted) != "off";
}

}  // namespace plexus
