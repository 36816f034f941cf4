#pragma once

#include <fmt/format.h>
#include <omp.h>

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "mpi/in_process_context.hpp"
#include "src/support/exit_code.hpp"

namespace plexus {

/// Runs `body(DistributedContext&)` on `size` ranks that are threads of this process, each with as many
/// threads in its parallel regions as the calling thread would have, and returns when all have ended. If a
/// rank throws, the others are ended at their next collective call, and its exception comes out here.
template <class F>
void run_ranks(int size, F&& body) {
  const auto group = make_in_process_group(size);
  std::mutex mutex;
  std::exception_ptr first;
  const int threads_of_rank = omp_get_max_threads();  // a new thread begins with as many as there are cores
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      omp_set_num_threads(threads_of_rank);
      InProcessContext context(group, rank);
      try {
        body(static_cast<DistributedContext&>(context));
      } catch (...) {
        {
          const std::lock_guard lock(mutex);
          if (!first) first = std::current_exception();
        }
        poison(*group, static_cast<int>(ExitCode::fault), fmt::format("rank {} has failed", rank));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace plexus
