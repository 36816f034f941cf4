#include "io/speed_file.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cmath>
#include <cstdint>
#include <sstream>
#include <system_error>
#include <utility>

#include "io/durable_file.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

constexpr const char* comment =
    "# How fast this machine computes and its ranks talk, for `plexus plan`. Measured by `plexus doctor`.\n"
    "# Kernels: ns per connection, neuron, cell or input and line of 16 samples, by neurons or connections.\n"
    "# Network: seconds, bytes per second, seconds per byte by the bytes of a step.\n\n";

toml::array array_of(const Curve& curve) {
  toml::array points;
  for (const CurvePoint& point : curve) points.push_back(toml::array{point.at, point.value});
  return points;
}
double array_of(double figure) { return figure; }

bool sound(double number) { return std::isfinite(number) && number >= 0; }

bool read(toml::node_view<const toml::node> node, double& figure) {
  const auto number = node.value<double>();
  if (!number || !sound(*number)) return false;
  figure = *number;
  return true;
}

bool read(toml::node_view<const toml::node> node, Curve& curve) {
  const toml::array* points = node.as_array();
  if (points == nullptr) return false;
  for (std::size_t i = 0; i < points->size(); ++i) {
    CurvePoint point{};
    if (!read(node[i][0], point.at) || !read(node[i][1], point.value)) return false;
    if (point.at <= 0 || (!curve.empty() && point.at <= curve.back().at)) return false;
    curve.push_back(point);
  }
  return !curve.empty();
}

toml::table table_of(const SpeedEntry& entry) {
  toml::table table{{"ranks", entry.layout.ranks},
                    {"threads", entry.layout.threads},
                    {"machines", entry.layout.machines},
                    {"shared_memory", entry.layout.shared_memory}};
  toml::table kernels;
  for_each_figure(entry.kernels,
                  [&](const char* name, const auto& figure) { kernels.insert(name, array_of(figure)); });
  table.insert("kernels", std::move(kernels));
  if (entry.network) {
    table.insert("network", toml::table{{"latency", entry.network->latency},
                                        {"bandwidth", entry.network->bandwidth},
                                        {"hidden", entry.network->hidden},
                                        {"sums", array_of(entry.network->sums)},
                                        {"message", entry.network->message},
                                        {"agreement", entry.network->agreement}});
  }
  return table;
}

std::optional<SpeedEntry> entry_of(toml::node_view<const toml::node> node) {
  SpeedEntry entry;
  RankLayout& layout = entry.layout;
  layout.ranks = node["ranks"].value_or(0);
  layout.threads = node["threads"].value_or(0);
  layout.machines = node["machines"].value_or(0);
  const auto shared_memory = node["shared_memory"].value<bool>();
  layout.shared_memory = shared_memory.value_or(false);
  bool complete = layout.ranks > 0 && layout.threads > 0 && layout.machines > 0 && shared_memory.has_value();
  for_each_figure(entry.kernels, [&](const char* name, auto& figure) {
    complete = complete && read(node["kernels"][name], figure);
  });
  if (const auto network = node["network"]) {
    NetworkSpeed& speed = entry.network.emplace();
    complete = complete && read(network["latency"], speed.latency) &&
               read(network["bandwidth"], speed.bandwidth) && speed.bandwidth > 0 &&
               read(network["hidden"], speed.hidden) && read(network["sums"], speed.sums) &&
               read(network["message"], speed.message) && read(network["agreement"], speed.agreement);
  }
  return complete ? std::optional(std::move(entry)) : std::nullopt;
}

std::vector<SpeedEntry> entries_of(const toml::table& table, const TuningKey& key) {
  if (table["processor"].value<std::string>() != key.processor ||
      table["kernels"].value<std::string>() != key.kernels ||
      table["version"].value<std::string>() != key.version) {
    return {};
  }
  std::vector<SpeedEntry> entries;
  const toml::array* all = table["measured"].as_array();
  for (std::size_t i = 0; all != nullptr && i < all->size(); ++i) {
    if (auto entry = entry_of(table["measured"][i])) entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace

fs::path speed_path(const TuningKey& key) {
  const fs::path tuning = tuning_path(key);
  if (tuning.empty()) return {};
  return tuning.parent_path() / ("speed" + tuning.filename().string().substr(std::string("tuning").size()));
}

std::vector<SpeedEntry> read_speeds(const fs::path& path, const TuningKey& key) {
  try {
    return entries_of(toml::parse(read_text(path)), key);
  } catch (const Error&) {
    return {};
  } catch (const toml::parse_error&) {
    return {};
  }
}

bool keep_speed(const fs::path& path, const TuningKey& key, const SpeedEntry& entry) {
  if (path.empty()) return false;
  std::vector<SpeedEntry> entries = read_speeds(path, key);
  std::erase_if(entries, [&](const SpeedEntry& other) { return other.layout == entry.layout; });
  entries.push_back(entry);
  toml::array measured;
  for (const SpeedEntry& one : entries) measured.push_back(table_of(one));
  const toml::table table{{"processor", key.processor},
                          {"kernels", key.kernels},
                          {"version", key.version},
                          {"measured", std::move(measured)}};
  std::ostringstream text;
  text << comment << table << '\n';
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  try {
    write_text_durably(path, text.str());
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace plexus
