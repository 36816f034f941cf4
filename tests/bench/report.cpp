#include "tests/bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "src/support/error.hpp"
#include "src/support/text.hpp"
#include "tests/bench/parts.hpp"

namespace plexus::bench {

namespace {

/// How a column is shown: its heading (none: not at all), the factor from the stored unit to that of the
/// heading, and decimals.
struct Column {
  std::string_view key;
  std::string_view heading;
  double factor = 1;
  int decimals = 2;
};

/// The columns of all tables. Texts and whole numbers are shown as they are.
constexpr Column columns[] = {
    {"network", "network"},
    {"exactness", "sums"},
    {"phase", "phase"},
    {"product", "product"},
    {"size", "layer"},
    {"density", "density, %", 100, 1},
    {"connections", "connections"},
    {"neurons", "neurons"},
    {"batch", "batch"},
    {"ranks", "ranks"},
    {"threads", "threads"},
    {"samples", "samples"},
    {"seconds", "seconds"},
    {"speed_up", "speed-up"},
    {"over_fast", "time / plexus fast"},
    {"over_exact", "time / plexus exact"},
    {"useful_gflop", "useful GFLOP", 1, 1},
    {"epoch_share", "% of peak", 100, 1},
    {"rewire_share", "rewiring, % of epoch", 100, 2},
    {"microseconds", "us", 1, 0},
    {"useful_share", "useful % of peak", 100, 1},
    {"forward_share", "forward, % of peak", 100, 1},
    {"backward_exact_share", "backward exact, % of peak", 100, 1},
    {"backward_fast_share", "backward fast, % of peak", 100, 1},
    {"first_exact_share", "first layer exact, % of peak", 100, 1},
    {"first_fast_share", "first layer fast, % of peak", 100, 1},
    {"forward_ns", "forward, ns per connection"},
    {"backward_exact_ns", "backward exact, ns per connection"},
    {"plexus_us", "plexus, us", 1, 0},
    {"eigen_us", "Eigen sparse, us", 1, 0},
    {"openblas_us", "OpenBLAS dense, us", 1, 0},
    {"eigen_over", "Eigen / plexus"},
    {"openblas_over", "OpenBLAS / plexus"},
    {"pattern_ns", "pattern, ns per connection", 1, 1},
    {"values_ns", "first weights, ns per connection", 1, 1},
    {"choose_ms_per_million", "choosing the edits, ms per million", 1, 1},
    {"rewire_ms_per_million", "rewiring, ms per million", 1, 1},
    {"prune_ms_per_million", "with neuron pruning, ms per million", 1, 1},
    {"bytes_per_connection", "bytes per connection", 1, 1},
    {"exact_step_bytes", "exact step", 1, 1},
    {"fast_step_bytes", "fast step", 1, 1},
    {"exact_exchange_bytes", "one of two ranks, exact", 1, 1},
    {"fast_exchange_bytes", "one of two ranks, fast", 1, 1},
    {"bytes_per_neuron", "bytes per neuron", 1, 1},
    {"peak_gflops", "FMA peak, GFLOP/s", 1, 0},
    {"on_core", ""},
    {"handover_ns", "hand-over, ns", 1, 0},
    {"l1_gb_s", "L1, GB/s", 1, 0},
    {"l2_gb_s", "L2, GB/s", 1, 0},
    {"l3_gb_s", "L3, GB/s", 1, 0},
    {"dram_gb_s", "DRAM, GB/s", 1, 1},
    {"random_gb_s", "random lines, GB/s", 1, 1},
};

const Column& column_named(const std::string& key) {
  const auto* const found = std::ranges::find(columns, key, &Column::key);
  ensure(found != std::end(columns), "the table has no heading for '{}': add one in report.cpp", key);
  return *found;
}

std::string cell_of(const Column& column, const Json& value) {
  const auto number = [&](const Json& v) {
    return fmt::format("{:.{}f}", v.get<double>() * column.factor, column.decimals);
  };
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return with_separators(value.get<std::int64_t>());
  if (value.is_number()) return number(value);
  return fmt::format("{} ({}-{})", number(value["median"]), number(value["min"]), number(value["max"]));
}

/// Whether something else ran while the row was measured: threads did not have their cores, or took turns on
/// one, which makes them wait for milliseconds.
bool disturbed(const Json& row) {
  if (!row.contains("on_core")) return false;
  return row["on_core"]["min"].get<double>() < 0.9 ||
         (row.contains("handover_ns") && row["handover_ns"]["max"].get<double>() > 1e5);
}

bool is_remark(const Json& row) { return row.contains("note"); }

/// Rows of cells, headings first, as a Markdown table with columns in line.
std::string aligned(const std::vector<std::vector<std::string>>& cells) {
  std::vector<std::size_t> widths(cells.front().size(), 0);
  for (const auto& row : cells) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (std::size_t r = 0; r < cells.size(); ++r) {
    for (std::size_t c = 0; c < widths.size(); ++c) text += fmt::format("| {:<{}} ", cells[r][c], widths[c]);
    text += "|\n";
    if (r > 0) continue;
    for (const std::size_t width : widths) text += fmt::format("| {:-<{}} ", "", width);
    text += "|\n";
  }
  return text;
}

std::string table_of_part(const Json& rows) {
  std::vector<const Column*> shown;  // in the order in which rows name them
  for (const Json& row : rows) {
    if (is_remark(row)) continue;
    for (const auto& entry : row.items()) {
      const Column* column = &column_named(entry.key());
      if (column->heading.empty() || std::ranges::find(shown, column) != shown.end()) continue;
      shown.push_back(column);
    }
  }
  std::vector<std::vector<std::string>> cells(1);
  for (const Column* column : shown) cells[0].emplace_back(column->heading);
  for (const Json& row : rows) {
    if (is_remark(row)) continue;
    auto& line = cells.emplace_back();
    for (const Column* column : shown) {
      line.push_back(row.contains(column->key) ? cell_of(*column, row.at(column->key)) : "");
    }
  }
  std::string text = shown.empty() ? "" : aligned(cells);
  std::vector<std::string> disturbed_rows;
  for (const auto& [name, row] : rows.items()) {
    if (is_remark(row)) text += fmt::format("\n{}: {}.\n", name, row["note"].get<std::string>());
    if (disturbed(row)) disturbed_rows.push_back(name);
  }
  if (!disturbed_rows.empty()) {
    text +=
        fmt::format("\nDisturbed, as other programs had the cores for more than a tenth of the time: {}.\n",
                    fmt::join(disturbed_rows, "; "));
  }
  return text;
}

std::string heading_of(const Json& results) {
  const Json& m = results["machine"];
  const auto bytes = [&](const char* key) { return as_bytes(m[key].get<std::int64_t>()); };
  return fmt::format(
      "# plexus {} on {} x {}, {} kernels\n\n"
      "L1 {}, L2 {} a core, L3 {}, memory {}; compiled with {}.\n\n"
      "Median (least-greatest) of {} repetitions of at least {} ms. Shares are of the FMA peak that was "
      "measured next to each repetition.\n",
      m["plexus"].get<std::string>(), m["cpus"].get<int>(), m["processor"].get<std::string>(),
      m["kernels"].get<std::string>(), bytes("l1_bytes"), bytes("l2_bytes"), bytes("l3_bytes"),
      bytes("memory_bytes"), m["compiler"].get<std::string>(), results["repetitions"].get<int>(),
      results["repetition_seconds"].get<double>() * 1e3);
}

void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  out.close();
  require(out.good(), "cannot write '{}'. Choose another --out.", file.string());
}

}  // namespace

std::string table_of(const Json& results) {
  std::string text = heading_of(results);
  for (const Part& part : parts()) {
    if (!results["parts"].contains(part.name)) continue;
    text += fmt::format("\n## {}\n\n{}\n\n{}", part.title, part.explanation,
                        table_of_part(results["parts"][part.name]));
  }
  return text;
}

Json collected(const std::filesystem::path& directory, const Json& origin) {
  const auto file = directory / "bench.json";
  Json results = origin;
  results["parts"] = Json::object();
  if (!std::filesystem::exists(file)) return results;
  std::ifstream in(file);
  const Json earlier = Json::parse(in, nullptr, false);
  require(earlier.is_object() && earlier.contains("parts"),
          "'{}' holds no figures of plexus_bench. Remove it, or choose another --out.", file.string());
  for (const auto& [key, value] : origin.items()) {
    require(earlier.contains(key) && earlier[key] == value,
            "'{}' holds figures made with another {}, which cannot be compared with those of this run. "
            "Remove it, or choose another --out.",
            file.string(), key);
  }
  results["parts"] = earlier["parts"];
  return results;
}

void write_results(const std::filesystem::path& directory, const Json& results) {
  std::error_code problem;
  std::filesystem::create_directories(directory, problem);
  write_file(directory / "bench.json", results.dump(1) + "\n");
  write_file(directory / "table.md", table_of(results));
}

}  // namespace plexus::bench
