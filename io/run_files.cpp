#include "io/run_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace plexus {

namespace fs = std::filesystem;

namespace {

/// "PREFIXdigits" at the start of `text`, which is shortened by it.
std::optional<std::int64_t> take_number(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + prefix.size(), end, number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text = std::string_view(stop, static_cast<std::size_t>(end - stop));
  return number;
}

/// The position that a file name stands for; nothing when `checkpoint_file_of` would not have made the name.
std::optional<CheckpointFile> parse(std::string_view file_name) {
  std::string_view rest = file_name;
  const auto epoch = take_number(rest, "e");
  if (!epoch) return std::nullopt;
  const CheckpointFile file{*epoch, take_number(rest, ".s").value_or(0)};
  return file.file_name() == file_name ? std::optional(file) : std::nullopt;
}

std::vector<CheckpointFile> files_in(const fs::path& folder) {
  std::vector<CheckpointFile> files;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    if (const auto file = parse(entry.path().filename().string())) files.push_back(*file);
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

fs::path RunFiles::topology(std::int64_t epoch) const {
  return topologies() / CheckpointFile{epoch, 0}.file_name();
}

std::string epoch_name(std::int64_t epoch) { return fmt::format("{:06}", epoch); }

std::string layer_name(std::size_t layer) { return fmt::format("{:03}", layer); }

std::string CheckpointFile::name() const {
  return step == 0 ? epoch_name(epoch) : fmt::format("{}.s{:06}", epoch_name(epoch), step);
}

CheckpointFile checkpoint_file_of(const TrainingPosition& position) {
  return {position.epoch, position.step};
}

std::vector<CheckpointFile> checkpoints_in(const RunFiles& run) {
  std::vector<CheckpointFile> files = files_in(run.checkpoints());
  std::reverse(files.begin(), files.end());
  return files;
}

std::vector<std::int64_t> topology_epochs_in(const RunFiles& run) {
  std::vector<std::int64_t> epochs;
  for (const auto& file : files_in(run.topologies())) {
    if (file.step == 0) epochs.push_back(file.epoch);
  }
  return epochs;
}

}  // namespace plexus
