#include "tests/bench/machine.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "mpi/mpi_context.hpp"
#include "mpi/rank_report.hpp"
#include "src/nn/kernel_tuning.hpp"
#include "src/sparse/kernels.hpp"
#include "src/support/error.hpp"
#include "src/support/text.hpp"

namespace plexus::bench {

namespace {

/// The text behind the colon of the first line of `file` that begins with `name`; empty where there is none.
std::string entry_of(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (!line.starts_with(name) || colon == std::string::npos) continue;
    const auto text = line.find_first_not_of(" \t", colon + 1);
    return text == std::string::npos ? "" : line.substr(text);
  }
  return "";
}

template <class T>
T content_of(const std::string& file) {
  T value{};
  std::ifstream(file) >> value;
  return value;
}

std::string available_sets() {
  std::string names;
  for (const Kernels* set : available_kernels())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", set->name);
  return names;
}

}  // namespace

std::int64_t cache_bytes(int level) {
  // The kernel's view first: in a virtual machine the C library takes that of the host.
  for (int i = 0;; ++i) {
    const auto cache = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", i);
    const auto found = content_of<int>(cache + "level");
    if (found == 0) break;
    if (found == level && content_of<std::string>(cache + "type") != "Instruction") {
      return content_of<std::int64_t>(cache + "size") * 1024;
    }
  }
  const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  return std::max<std::int64_t>(0, sysconf(names[level - 1]));
}

std::int64_t memory_bytes() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

std::int64_t resident_bytes() {
  malloc_trim(0);
  std::ifstream in("/proc/self/statm");
  std::int64_t pages = 0;
  std::int64_t resident = 0;
  in >> pages >> resident;
  ensure(in.good(), "/proc/self/statm cannot be read");
  return resident * sysconf(_SC_PAGESIZE);
}

Json machine() {
  const KernelTuning& tuning = kernel_tuning();
  return {{"processor", entry_of("/proc/cpuinfo", "model name")},
          {"cpus", cpus_allowed().size()},
          {"l1_bytes", cache_bytes(1)},
          {"l2_bytes", cache_bytes(2)},
          {"l3_bytes", cache_bytes(3)},
          {"memory_bytes", memory_bytes()},
          {"plexus", PLEXUS_VERSION},
          {"compiler", PLEXUS_COMPILER},
          {"mpi", mpi_library_version()},
          {"kernels", kernels().name},
          {"available_kernels", available_sets()},
          {"cached_bytes", tuning.cached_bytes},
          {"near_bytes", tuning.near_bytes},
          {"dense_density", tuning.dense_density},
          {"tile_run", tuning.tile_run}};
}

bool fits(double bytes) { return bytes < 0.75 * static_cast<double>(memory_bytes()); }

Json too_large(double bytes_needed) {
  return {{"note", fmt::format("skipped: needs {}, and the machine has {}",
                               as_bytes(static_cast<std::int64_t>(bytes_needed)), as_bytes(memory_bytes()))}};
}

}  // namespace plexus::bench
