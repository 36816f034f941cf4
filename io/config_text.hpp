#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "src/config/experiment_config.hpp"

namespace plexus {

// The text form of a config: TOML, one section per struct of `ExperimentConfig`, keys as listed by
// `for_each_key`.

/// Reads a config: defaults, replaced by the file, replaced by the overrides.
///
/// An override is "section.key=value". The value is TOML; what is not TOML is taken as a bare string, so that
/// `network.activation=tanh` needs no quotes. The last override of a key counts. topology.epsilon and
/// topology.density are one choice: an override of either drops the other one of the file, and without both
/// epsilon is 20. A relative data.path is kept as written.
///
/// @throws InputError with one line per problem, each naming the line of the file or the override it comes
/// from:
///   no such file, not TOML, unknown sections and keys, values of the wrong type, and `problems_of` the
///   result.
[[nodiscard]] ExperimentConfig read_config(const std::filesystem::path& file,
                                           const std::vector<std::string>& overrides);

/// Reads a config from text that a checkpoint holds, by the same rules.
/// @param name what messages call the text
[[nodiscard]] ExperimentConfig parse_config(std::string_view toml, const std::string& name);

/// The whole config, every key once, in the order of `for_each_key`. `parse_config` reads back the same
/// values, bit for bit. Of topology.epsilon and topology.density only the one that is set is written.
[[nodiscard]] std::string to_toml(const ExperimentConfig& config);

/// As `to_toml`, with a comment above each key that explains it.
[[nodiscard]] std::string commented_toml(const ExperimentConfig& config);

}  // namespace plexus
