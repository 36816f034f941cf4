#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/support/error.hpp"

namespace plexus {

/// The message of the `Thrown` that `action` throws; a test failure and "" if it throws none.
template <class Thrown, class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Thrown& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing of the expected type was thrown";
  return "";
}

/// The message of the `InputError` that `action` throws; a test failure and "" if it throws none.
template <class Action>
std::string input_error_of(Action&& action) {
  return message_of<InputError>(action);
}

/// Succeeds if `message` holds all `parts`.
inline ::testing::AssertionResult says(const std::string& message, const std::vector<std::string>& parts) {
  for (const auto& part : parts) {
    if (message.find(part) == std::string::npos) {
      return ::testing::AssertionFailure() << "'" << part << "' is missing in: " << message;
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace plexus
