#include "io/file_progress.hpp"

#include <atomic>

namespace plexus {

namespace {

std::atomic<std::uint64_t> pieces = 0;

}  // namespace

void count_file_piece() noexcept { pieces.fetch_add(1, std::memory_order_relaxed); }

std::uint64_t file_pieces() noexcept { return pieces.load(std::memory_order_relaxed); }

}  // namespace plexus
