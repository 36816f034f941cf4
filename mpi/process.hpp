#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace plexus {

/// Writes `text` to stderr in one piece, so that lines of different ranks and threads do not mix.
/// Independent; safe in a signal handler.
void write_stderr(std::string_view text) noexcept;

/// Name of the machine this rank runs on. Independent.
[[nodiscard]] std::string host_name();

/// Bytes that this machine, or the control group of this process, can still give to programs. Independent.
/// The largest number where the system does not say.
[[nodiscard]] std::int64_t available_memory();

/// Whether ranks on one machine may sum in shared memory: PLEXUS_SHARED_MEMORY is not "off". Independent.
[[nodiscard]] bool wants_shared_memory();

}  // namespace plexus
