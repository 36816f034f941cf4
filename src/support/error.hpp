#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

#include "src/support/exit_code.hpp"

namespace plexus {

/// Any failure a user can meet. The text says what is wrong, where, and how to mend it.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// A wrong config, command line or input file: exit code 64.
class InputError : public Error {
 public:
  explicit InputError(const std::string& message) : Error(ExitCode::input, message) {}
};

/// A failure while running: exit code 70.
class Fault : public Error {
 public:
  explicit Fault(const std::string& message) : Error(ExitCode::fault, message) {}
};

/// Throws `InputError` with the formatted message unless `ok`. For anything a user or a file can cause.
template <class... Args>
void require(bool ok, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) throw InputError(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws `Fault` with the formatted message unless `ok`. For what only a bug or a broken machine can cause.
template <class... Args>
void ensure(bool ok, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) throw Fault(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace plexus
