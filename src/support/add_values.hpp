#pragma once

#include <cstdint>

#include "src/support/types.hpp"

namespace plexus {

/// out[i] = a[i] + b[i]; `out` may be `a` or `b`. Integers wrap around where they do not fit, so that their
/// sums do not depend on the order.
void add_values(const std::int64_t* a, const std::int64_t* b, Offset count, std::int64_t* out);
void add_values(const Real* a, const Real* b, Offset count, Real* out);

}  // namespace plexus
