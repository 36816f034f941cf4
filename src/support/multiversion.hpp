#pragma once

/// Before a function: compiles it once per instruction set and picks one when the program starts. For
/// elementwise loops, whose results do not depend on the set: nothing is contracted (-ffp-contract=off) and
/// no sum is reordered.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define PLEXUS_MULTIVERSION __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define PLEXUS_MULTIVERSION
#endif
