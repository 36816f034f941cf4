#include "src/sparse/kernels.hpp"

#include <cstdlib>
#include <string>

#include "src/support/error.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace baseline {
extern const Kernels table;
}
#ifdef __x86_64__
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}
#endif

namespace {

const Kernels& chosen_kernels() {
  const auto available = available_kernels();
  const char* wanted = std::getenv("PLEXUS_ISA");
  if (wanted == nullptr || *wanted == '\0') return *available.back();
  std::vector<std::string> names;
  for (const Kernels* set : available) {
    if (std::string(set->name) == wanted) return *set;
    names.emplace_back(set->name);
  }
  throw InputError(fmt::format("PLEXUS_ISA is '{}', which this processor cannot run. {}", wanted,
                               known_names_hint(wanted, names)));
}

}  // namespace

std::vector<const Kernels*> available_kernels() {
  std::vector<const Kernels*> sets = {&baseline::table};
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    sets.push_back(&avx2::table);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      sets.push_back(&avx512::table);
    }
  }
#endif
  return sets;
}

const Kernels& kernels() {
  static const Kernels& chosen = chosen_kernels();
  return chosen;
}

}  // namespace plexus
