#pragma once

#include "mpi/distributed_context.hpp"

namespace plexus {

/// All ranks of a test program that mpirun starts. Link `mpi_test_main.cpp`, which holds `main`, and write
/// tests for GoogleTest as usual: all ranks run all tests together, and a failure on any rank fails the
/// program on all.
/// `--piece-bytes=24` cuts messages into pieces of so many bytes: small tests then reach the code for huge
/// messages.
[[nodiscard]] DistributedContext& world();

}  // namespace plexus
