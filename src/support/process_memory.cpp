#include "src/support/process_memory.hpp"

#include <fstream>
#include <limits>
#include <string>

namespace plexus {

ProcessMemory process_memory() {
  constexpr std::int64_t kibibyte = 1024;
  ProcessMemory memory;
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    std::int64_t number = 0;
    if (name == "VmHWM:" && status >> number) memory.peak = number * kibibyte;
    if (name == "VmRSS:" && status >> number) memory.now = number * kibibyte;
    status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return memory;
}

}  // namespace plexus
