#pragma once

namespace plexus {

/// The environment variable that stages a failure: "RANK HOW PLACE", e.g. "1 kill moving neurons.*epoch 3".
inline constexpr const char* staged_failure_variable = "PLEXUS_TEST_FAIL";

/// For tests of failures. This rank fails, if it is RANK, the first time that a part of
/// `activity::describe()` matches PLACE, a POSIX extended regular expression: HOW is `kill` (SIGKILL), `stop`
/// (SIGSTOP) or `throw` (an exception that no code expects). One line on stderr says so before. Independent;
/// nothing happens where `text` is null.
/// @throws InputError if `text` is none of this
void stage_failure(const char* text, int rank);

}  // namespace plexus
