#include "io/tuning_file.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include "io/durable_file.hpp"
#include "src/sparse/kernels.hpp"
#include "src/support/error.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The model of the first processor, with the numbers that tell apart what has the same name.
std::string processor_model() {
  std::map<std::string, std::string> entries;
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line) && !line.empty();) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    entries[line.substr(0, line.find_last_not_of("\t :", colon) + 1)] = line.substr(colon + 2);
  }
  std::string model;
  for (const char* name :
       {"model name", "cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU revision"}) {
    if (const auto entry = entries.find(name); entry != entries.end())
      model += (model.empty() ? "" : " ") + entry->second;
  }
  return model.empty() ? "unknown" : model;
}

/// `text` as a part of a file name.
std::string plain(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return std::isalnum(c) == 0 && c != '.'; }, '-');
  return text;
}

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

std::string text_of(const TuningKey& key, const KernelTuning& tuning) {
  return fmt::format(
      "# What is fastest on this machine. Measured by plexus, which measures again where this file is "
      "missing;\n"
      "# affects no result. PLEXUS_TUNING=off ignores it.\n"
      "processor = {}\nkernels = {}\nversion = {}\n\n"
      "cached_bytes = {}  # of slabs that stay in the cache during a backward pass\n"
      "near_bytes = {}  # of a slab, beyond which lines are asked for early\n"
      "dense_density = {}  # from which weights are multiplied as a dense matrix\n"
      "tile_run = {}  # connections of a row in the L1 cache from which a product goes tile by tile\n",
      quoted(key.processor), quoted(key.kernels), quoted(key.version), tuning.cached_bytes, tuning.near_bytes,
      tuning.dense_density, tuning.tile_run);
}

bool holds_for(const toml::table& table, const TuningKey& key) {
  return table["processor"].value<std::string>() == key.processor &&
         table["kernels"].value<std::string>() == key.kernels &&
         table["version"].value<std::string>() == key.version;
}

std::optional<KernelTuning> tuning_of(const toml::table& table) {
  const auto cached_bytes = table["cached_bytes"].value<std::int64_t>();
  const auto near_bytes = table["near_bytes"].value<std::int64_t>();
  const auto dense_density = table["dense_density"].value<double>();
  const auto tile_run = table["tile_run"].value<std::int64_t>();
  if (!cached_bytes || !near_bytes || !dense_density || !tile_run) return std::nullopt;
  if (*cached_bytes < 0 || *near_bytes < 0 || !(*dense_density > 0) || *tile_run < 1) return std::nullopt;
  return KernelTuning{*cached_bytes, *near_bytes, *dense_density, *tile_run};
}

/// Makes the folder if there is none.
bool can_hold_files(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  return ::access(folder.c_str(), W_OK | X_OK) == 0;
}

bool wants_tuning() {
  const std::string wanted = variable("PLEXUS_TUNING");
  require(wanted.empty() || wanted == "on" || wanted == "off", "PLEXUS_TUNING is '{}'. {}", wanted,
          known_names_hint(wanted, {"on", "off"}));
  return wanted != "off";
}

}  // namespace

TuningKey tuning_key(const std::string& version) {
  return {processor_model(), kernels().name, version + " " PLEXUS_MEASURED_CODE};
}

fs::path tuning_path(const TuningKey& key) {
  fs::path cache = variable("XDG_CACHE_HOME");
  if (!cache.is_absolute()) {  // as the XDG base directory specification says
    const fs::path home = variable("HOME");
    if (!home.is_absolute()) return {};
    cache = home / ".cache";
  }
  return cache / "plexus" /
         fmt::format("tuning-{}-{}-{}.toml", plain(key.processor), plain(key.kernels), plain(key.version));
}

std::optional<KernelTuning> read_tuning(const fs::path& path, const TuningKey& key) {
  try {
    const toml::table table = toml::parse(read_text(path));
    return holds_for(table, key) ? tuning_of(table) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

bool write_tuning(const fs::path& path, const TuningKey& key, const KernelTuning& tuning) {
  if (!can_hold_files(path.parent_path())) return false;
  try {
    write_text_durably(path, text_of(key, tuning));
    return true;
  } catch (const Error&) {
    return false;
  }
}

FoundTuning find_tuning(const fs::path& path, const TuningKey& key, FunctionRef<KernelTuning()> measure) {
  const KernelTuning defaults;
  if (!wants_tuning()) return {defaults, "default, as PLEXUS_TUNING is off"};
  if (path.empty()) return {defaults, "default, as no folder for caches is known"};
  if (const auto tuning = read_tuning(path, key)) return {*tuning, path.string()};
  if (!can_hold_files(path.parent_path())) {
    return {defaults, fmt::format("default, as '{}' cannot be written", path.parent_path().string())};
  }
  const KernelTuning tuning = measure();
  const bool kept = write_tuning(path, key, tuning);
  return {tuning, fmt::format("measured, {} {}", kept ? "kept in" : "but cannot be kept in", path.string())};
}

}  // namespace plexus
