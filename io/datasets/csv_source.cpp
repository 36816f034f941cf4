#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/datasets/data_file.hpp"
#include "src/state/dataset_source.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // some spreadsheets begin UTF-8 files with it

/// The whole of `text` as a number.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Takes the text before the next `separator` off the front of `text`.
std::string_view take_until(char separator, std::string_view& text) {
  const auto end = text.find(separator);
  const auto taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

void split(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  for (bool more = true; more;) {
    more = line.find(',') != std::string_view::npos;
    fields.push_back(trimmed(take_until(',', line)));
  }
}

/// A first line without any number names the columns.
bool is_header(const std::vector<std::string_view>& fields) {
  for (const auto field : fields) {
    if (parse_number<double>(field)) return false;
  }
  return true;
}

float parse_feature(std::string_view text, const std::filesystem::path& file, std::size_t line,
                    std::size_t column) {
  const auto number = parse_number<double>(text);
  require(number.has_value(),
          "data file '{}' line {}, column {}: '{}' is not a number, or none that fits. Correct the file.",
          file.string(), line, column, text);
  const auto feature = static_cast<float>(*number);
  require(std::isfinite(feature),
          "data file '{}' line {}, column {}: '{}' is not a finite single-precision number, and training on "
          "it would "
          "spoil every weight. Remove or replace it.",
          file.string(), line, column, text);
  return feature;
}

std::int32_t parse_label(std::string_view text, const std::filesystem::path& file, std::size_t line,
                         std::size_t column) {
  const auto label = parse_number<std::int32_t>(text);
  require(
      label && *label >= 0,
      "data file '{}' line {}, column {}: the label '{}' is not an integer from 0. The last column holds the "
      "class; number the classes from 0.",
      file.string(), line, column, text);
  return *label;
}

Dataset read_part(const std::filesystem::path& folder, const std::string& name) {
  const auto file = find_data_file(folder, name);
  const std::string bytes = read_data_file(file);
  std::string_view text = bytes;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());

  Dataset data;
  std::vector<std::string_view> fields;
  std::size_t columns = 0;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto content = trimmed(take_until('\n', text));
    if (content.empty()) continue;
    split(content, fields);
    if (columns == 0) {
      columns = fields.size();
      require(columns >= 2 && columns <= std::numeric_limits<Index>::max(),
              "data file '{}' line {} has {} column(s). A line needs at least one number and the label, "
              "separated by "
              "commas.",
              file.string(), line, columns);
      if (is_header(fields)) continue;
    }
    require(fields.size() == columns,
            "data file '{}' line {} has {} columns, the lines before have {}. Correct the "
            "file.",
            file.string(), line, fields.size(), columns);
    for (std::size_t i = 0; i + 1 < columns; ++i) {
      data.features.push_back(parse_feature(fields[i], file, line, i + 1));
    }
    data.labels.push_back(parse_label(fields.back(), file, line, columns));
  }
  require(!data.labels.empty(), "data file '{}' holds no samples. Use a file with samples.", file.string());
  data.features_per_sample = static_cast<Index>(columns - 1);
  return data;
}

class CsvSource final : public DatasetSource {
 public:
  [[nodiscard]] DataSplit load(const DataConfig& config) const override {
    const std::filesystem::path folder(config.path);
    return {read_part(folder, "train.csv"), read_part(folder, "test.csv"), "", 0};
  }
};

const DatasetRegistrar registrar{"csv",
                                 "a folder with train.csv and test.csv, plain or .gz: numbers, then the "
                                 "label (0, 1, ...) in the last column",
                                 [] { return std::make_unique<CsvSource>(); }};

}  // namespace

}  // namespace plexus
