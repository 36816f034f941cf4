#include "io/config_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <optional>

#include "src/config/keys.hpp"
#include "src/support/error.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

constexpr double default_epsilon = 20.0;
constexpr auto no_line = std::numeric_limits<std::uint32_t>::max();  // of what does not come from a file

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// Section names in order, and the keys of each.
class KnownKeys {
 public:
  KnownKeys() {
    const ExperimentConfig config;
    for_each_key(config, [this](std::string_view section, std::string_view key, const auto&, KeyRole,
                                std::string_view) {
      if (!contains(sections_, section)) sections_.emplace_back(section);
      keys_[std::string(section)].emplace_back(key);
    });
  }

  /// What is wrong with a section name and how to mend it; empty for a known one.
  [[nodiscard]] std::string problem_of(const std::string& section) const {
    if (keys_.contains(section)) return "";
    return fmt::format("unknown section [{}]. {}", section, known_names_hint(section, sections_));
  }

  /// The same for a key of a known section.
  [[nodiscard]] std::string problem_of(const std::string& section, const std::string& key) const {
    const auto& known = keys_.at(section);
    if (contains(known, key)) return "";
    return fmt::format("unknown key '{}' in section [{}]. {}", key, section, hint_for(key, known));
  }

  /// What to say about a value that stands where a section should.
  [[nodiscard]] std::string problem_of_bare_value(const std::string& key) const {
    if (keys_.contains(key)) {
      return fmt::format("'{}' is a section, not a key. Write [{}] on a line of its own, its keys below.",
                         key, key);
    }
    return fmt::format("key '{}' stands outside of all sections. {}", key, hint_for(key, sections_));
  }

 private:
  [[nodiscard]] std::string hint_for(const std::string& key, const std::vector<std::string>& known) const {
    for (const auto& section : sections_) {
      if (contains(keys_.at(section), key)) return fmt::format("It belongs in section [{}].", section);
    }
    return known_names_hint(key, known);
  }

  std::vector<std::string> sections_;
  std::map<std::string, std::vector<std::string>> keys_;
};

/// The value that a file or an override gives to a key.
struct Given {
  std::string where;                ///< "FILE line N" or "--set TEXT": starts every message about the value
  std::uint32_t line;               ///< `no_line` for overrides
  const toml::node* value;          ///< owned by the reader
  std::optional<std::string> bare;  ///< overrides only: the text as typed
};

// Per type of key: its name in messages, an example, and how it is read. `read_value` says whether the type
// fits.

std::string type_name(bool) { return "true or false"; }
std::string type_name(double) { return "a number"; }
std::string type_name(const std::optional<double>&) { return "a number"; }
std::string type_name(std::int64_t) { return "an integer"; }
std::string type_name(std::uint64_t) { return "an integer that is not negative"; }
std::string type_name(const std::string&) { return "a string"; }
std::string type_name(const std::vector<Offset>&) { return "a list of integers"; }
std::string type_name(const NumberOrAuto&) { return "an integer or \"auto\""; }

template <class Value>
std::string example_of(const Value& default_value) {
  return text_of(default_value);
}
std::string example_of(const std::optional<double>&) { return "0.5"; }
std::string example_of(const std::vector<Offset>&) { return "[784, 1000, 10]"; }

bool read_value(const Given& given, bool& value) {
  const auto* node = given.value->as_boolean();
  if (node != nullptr) value = node->get();
  return node != nullptr;
}

bool read_value(const Given& given, std::int64_t& value) {
  const auto* node = given.value->as_integer();
  if (node != nullptr) value = node->get();
  return node != nullptr;
}

bool read_value(const Given& given, std::uint64_t& value) {
  std::int64_t number = 0;
  if (!read_value(given, number) || number < 0) return false;
  value = static_cast<std::uint64_t>(number);
  return true;
}

bool read_value(const Given& given, double& value) {
  if (const auto* node = given.value->as_floating_point()) {
    value = node->get();
    return true;
  }
  std::int64_t number = 0;
  if (!read_value(given, number)) return false;
  value = static_cast<double>(number);
  return true;
}

bool read_value(const Given& given, std::optional<double>& value) {
  double number = 0;
  if (!read_value(given, number)) return false;
  value = number;
  return true;
}

bool read_value(const Given& given, std::string& value) {
  if (const auto* node = given.value->as_string()) {
    value = node->get();
    return true;
  }
  if (given.bare) value = *given.bare;  // unquoted text that looks like something else: --set data.path=2024
  return given.bare.has_value();
}

bool read_value(const Given& given, std::vector<Offset>& value) {
  const auto* array = given.value->as_array();
  if (array == nullptr) return false;
  std::vector<Offset> numbers;
  for (const auto& element : *array) {
    const auto* number = element.as_integer();
    if (number == nullptr) return false;
    numbers.push_back(number->get());
  }
  value = std::move(numbers);
  return true;
}

bool read_value(const Given& given, NumberOrAuto& value) {
  const auto* text = given.value->as_string();
  if (text != nullptr && text->get() == "auto") {
    value = NumberOrAuto::automatic();
    return true;
  }
  std::int64_t number = 0;
  if (!read_value(given, number)) return false;
  value = number;
  return true;
}

/// "the string "ten"", "the number 10.5" and the like, for messages.
std::string description_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return fmt::format("the string {}", text_of(text->get()));
  if (const auto* integer = node.as_integer()) return fmt::format("the integer {}", integer->get());
  if (const auto* number = node.as_floating_point())
    return fmt::format("the number {}", text_of(number->get()));
  if (const auto* truth = node.as_boolean()) return text_of(truth->get());
  if (const auto* array = node.as_array()) {
    std::vector<std::string> elements;
    for (const auto& element : *array) elements.push_back(description_of(element));
    return fmt::format("a list of [{}]", fmt::join(elements, ", "));
  }
  return node.is_table() ? "a table" : "a date or time";
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

/// The table {value = TEXT}, or nothing if the text is not one TOML value.
std::optional<toml::table> parse_value(const std::string& text) {
  try {
    toml::table table = toml::parse("value = " + text);
    if (table.size() == 1) return table;  // else the text goes on after the value, in a line of its own
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
  return std::nullopt;
}

/// Collects values and problems, then makes the config or throws all that is wrong.
class ConfigReader {
 public:
  /// @param name what messages call the text
  explicit ConfigReader(std::string name) : name_(std::move(name)) {}

  void read_text(std::string_view text) {
    try {
      tables_.push_back(toml::parse(text));
    } catch (const toml::parse_error& error) {
      const auto at = error.source().begin;
      throw InputError(fmt::format("{} line {}, column {}: this is not TOML: {}. Correct this place.", name_,
                                   at.line, at.column, error.description()));
    }
    std::map<std::string, Given> given;
    for (const auto& [section_key, node] : tables_.back()) {
      const std::string section(section_key.str());
      const toml::table* keys = node.as_table();
      if (keys == nullptr) {
        add_problem(section_key, known_.problem_of_bare_value(section));
      } else if (const auto problem = known_.problem_of(section); !problem.empty()) {
        add_problem(section_key, problem);
      } else {
        for (const auto& [key, value] : *keys) {
          const std::string name(key.str());
          add_problem(key, known_.problem_of(section, name));
          given.insert_or_assign(section + "." + name,
                                 Given{where(key), key.source().begin.line, &value, {}});
        }
      }
    }
    take(given);
  }

  /// @param overrides "section.key=value" each. They replace what was read before.
  void read_overrides(const std::vector<std::string>& overrides) {
    std::map<std::string, Given> given;
    for (const auto& text : overrides) {
      const auto equals = text.find('=');
      const std::string name = trimmed(std::string_view(text).substr(0, equals));
      const auto dot = name.find('.');
      if (equals == std::string::npos || dot == std::string::npos) {
        add_problem(text,
                    "must have the form section.key=value. Write for example --set training.epochs=20.");
        continue;
      }
      const std::string section = name.substr(0, dot);
      std::string problem = known_.problem_of(section);
      if (problem.empty()) problem = known_.problem_of(section, name.substr(dot + 1));
      const std::string bare = trimmed(std::string_view(text).substr(equals + 1));
      auto table = parse_value(bare);
      if (!table) table = parse_value(text_of(bare));
      if (!table && problem.empty()) problem = "the value is not UTF-8 text. Write it in UTF-8.";
      add_problem(text, problem);
      if (!problem.empty()) continue;
      tables_.push_back(std::move(*table));
      given.insert_or_assign(name, Given{where(text), no_line, tables_.back().get("value"), bare});
    }
    take(given);
  }

  /// The config.
  /// @throws InputError with all problems, in the order of the file, if there are any
  [[nodiscard]] ExperimentConfig finish() {
    ExperimentConfig config;
    for_each_key(config,
                 [this](std::string_view section, std::string_view key, auto& value, KeyRole,
                        std::string_view help) { assign(fmt::format("{}.{}", section, key), help, value); });
    throw_problems();
    if (!config.topology.epsilon && !config.topology.density) config.topology.epsilon = default_epsilon;
    for (const auto& [key, message] : problems_of(config)) {
      const auto found = values_.find(key);
      const bool is_default = found == values_.end();
      problems_.push_back({is_default ? no_line : found->second.line,
                           fmt::format("{}: {}", is_default ? name_ : found->second.where, message)});
    }
    throw_problems();
    return config;
  }

 private:
  struct Problem {
    std::uint32_t line;
    std::string message;
  };

  [[nodiscard]] std::string where(const toml::key& key) const {
    return fmt::format("{} line {}", name_, key.source().begin.line);
  }
  [[nodiscard]] static std::string where(const std::string& override_text) {
    return "--set " + override_text;
  }

  void add_problem(const toml::key& key, const std::string& problem) {
    if (!problem.empty()) problems_.push_back({key.source().begin.line, where(key) + ": " + problem});
  }
  void add_problem(const std::string& override_text, const std::string& problem) {
    if (!problem.empty()) problems_.push_back({no_line, where(override_text) + ": " + problem});
  }

  /// Lets the values of one source replace those of the sources before.
  void take(const std::map<std::string, Given>& given) {
    const auto epsilon = given.find("topology.epsilon");
    const auto density = given.find("topology.density");
    if (epsilon != given.end() && density != given.end()) {
      const Given& later = epsilon->second.line > density->second.line ? epsilon->second : density->second;
      problems_.push_back({later.line, later.where +
                                           ": topology.epsilon and topology.density are both set here, but "
                                           "they are one choice. Remove one of them."});
    }
    if (epsilon != given.end()) values_.erase("topology.density");
    if (density != given.end()) values_.erase("topology.epsilon");
    for (const auto& [name, value] : given) values_.insert_or_assign(name, value);
  }

  template <class Value>
  void assign(const std::string& name, std::string_view help, Value& value) {
    const auto found = values_.find(name);
    if (found == values_.end()) return;
    const Given& given = found->second;
    if (read_value(given, value)) return;
    problems_.push_back(
        {given.line, fmt::format("{}: {} must be {}, not {} ({}). Write for example {} = {}.", given.where,
                                 name, type_name(value), description_of(*given.value), help,
                                 name.substr(name.find('.') + 1), example_of(value))});
  }

  void throw_problems() {
    if (problems_.empty()) return;
    std::ranges::stable_sort(problems_, {}, &Problem::line);
    std::vector<std::string> lines;
    for (const auto& problem : problems_) lines.push_back(problem.message);
    throw InputError(fmt::format("{}", fmt::join(lines, "\n")));
  }

  std::string name_;
  KnownKeys known_;
  std::deque<toml::table> tables_;  // owns the nodes that values_ points to
  std::map<std::string, Given> values_;
  std::vector<Problem> problems_;
};

std::string contents_of(const std::filesystem::path& file) {
  std::error_code cannot_look;
  const auto status = std::filesystem::status(file, cannot_look);
  require(
      status.type() != std::filesystem::file_type::not_found,
      "config file '{}' does not exist. Give the path of a TOML file; jobs/configs holds some to start from.",
      file.string());
  require(status.type() != std::filesystem::file_type::directory,
          "config file '{}' is a folder. Give the path of a TOML file.", file.string());
  std::ifstream stream(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(stream), {});
  require(stream.is_open() && !stream.bad(), "config file '{}' cannot be read. Check its permissions.",
          file.string());
  return text;
}

enum class Comments { none, help };

template <class Value>
bool is_set(const Value&) {
  return true;
}
bool is_set(const std::optional<double>& value) { return value.has_value(); }

std::string write(const ExperimentConfig& config, Comments comments) {
  std::string text;
  std::string current_section;
  for_each_key(config, [&](std::string_view section, std::string_view key, const auto& value, KeyRole,
                           std::string_view help) {
    if (current_section != section) {
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
      current_section = section;
    }
    if (comments == Comments::help) text += fmt::format("# {}\n", help);
    if (is_set(value)) {
      text += fmt::format("{} = {}\n", key, text_of(value));
    } else if (comments == Comments::help) {
      text += fmt::format("# {} is {}\n", key, text_of(value));
    }
  });
  return text;
}

}  // namespace

ExperimentConfig read_config(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  ConfigReader reader(file.string());
  reader.read_text(contents_of(file));
  reader.read_overrides(overrides);
  return reader.finish();
}

ExperimentConfig parse_config(std::string_view toml, const std::string& name) {
  ConfigReader reader(name);
  reader.read_text(toml);
  return reader.finish();
}

std::string to_toml(const ExperimentConfig& config) { return write(config, Comments::none); }

std::string commented_toml(const ExperimentConfig& config) { return write(config, Comments::help); }

}  // namespace plexus
