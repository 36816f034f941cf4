#pragma once

#include <string>
#include <string_view>

namespace plexus {

/// Writes `text` to stderr in one piece, so that lines of different ranks and threads do not mix.
/// Independent; safe in a signal handler.
void write_stderr(std::string_view text) noexcept;

/// Name of the machine this rank runs on. Independent.
[[nodiscard]] std::string host_name();

}  // namespace plexus
