#pragma once

#include <cstdint>

namespace plexus {

// Whether work on files gets on, which may take minutes, or stands still: what is written, or read in blocks,
// counts pieces of a MiB or so. All threads of the process share the count.

void count_file_piece() noexcept;
[[nodiscard]] std::uint64_t file_pieces() noexcept;

}  // namespace plexus
