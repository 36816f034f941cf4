#include "src/support/add_values.hpp"

#include "src/support/multiversion.hpp"

namespace plexus {

PLEXUS_MULTIVERSION void add_values(const std::int64_t* a, const std::int64_t* b, Offset count,
                                    std::int64_t* out) {
  for (Offset i = 0; i < count; ++i)
    out[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(a[i]) + static_cast<std::uint64_t>(b[i]));
}

PLEXUS_MULTIVERSION void add_values(const Real* a, const Real* b, Offset count, Real* out) {
  for (Offset i = 0; i < count; ++i) out[i] = a[i] + b[i];
}

}  // namespace plexus
