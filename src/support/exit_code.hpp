#pragma once

namespace plexus {

/// Exit codes of every plexus program; batch scripts act on them.
enum class ExitCode : int {
  ok = 0,
  input = 64,  ///< The config or a file is wrong: running again cannot help.
  fault = 70,  ///< Something failed while running: running again may help.
  again = 75,  ///< Checkpointed on request: run the same command again to continue.
};

}  // namespace plexus
