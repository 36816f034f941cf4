#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "io/metrics_log.hpp"
#include "io/summary.hpp"
#include "src/support/error.hpp"
#include "tests/io/run_fixtures.hpp"
#include "tests/io/slice_fixtures.hpp"

namespace plexus {
namespace {

std::vector<nlohmann::json> lines_of(const std::filesystem::path& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(content_of(path));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(MetricsLine, NamesEveryMetric) {
  const auto line = nlohmann::json::parse(metrics_line(metrics_of(2)));

  const auto expected = nlohmann::json::parse(R"({
    "epoch": 2, "loss": 0.5, "train_accuracy": 0.5, "test_accuracy": 0.875, "test_loss": 0.25, "learning_rate": 0.01,
    "connections": [4, 3, 4], "alive_neurons": [3, 3, 2, 2], "dropped": [1, 1, 0], "grown": [1, 0, 0],
    "seconds": {"train": 4.0, "exchange": 0.125, "evaluate": 0.5, "rewire": 0.25, "checkpoint": 0.0625},
    "restarts": 1, "ranks": 2, "model_parts": 3, "bytes_halo": 64, "bytes_weights": 32, "bytes_rewire": 16,
    "imbalance": 1.0625, "memory": 128, "memory_peak": 256})");
  EXPECT_EQ(line, expected);
}

TEST(MetricsLine, StaysJsonWhenTheLossIsNoNumber) {
  EpochMetrics metrics = metrics_of(1);
  metrics.loss = std::numeric_limits<double>::quiet_NaN();

  EXPECT_TRUE(nlohmann::json::parse(metrics_line(metrics)).at("loss").is_null());
}

class MetricsLogging : public ::testing::Test {
 protected:
  TempDir folder;
  std::filesystem::path path = folder.path() / "metrics.jsonl";
  std::vector<std::string> warnings;
  MetricsLog log{path, [this](const std::string& text) { warnings.push_back(text); }};
};

TEST_F(MetricsLogging, AppendsALinePerEpoch) {
  log.append(metrics_of(1));
  log.append(metrics_of(2));

  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1].at("epoch"), 2);
}

TEST_F(MetricsLogging, ForgetsWhatIsBeyondTheCheckpoint) {
  for (const std::int64_t epoch : {1, 2, 3}) log.append(metrics_of(epoch));

  log.rewrite({metrics_of(1)});
  log.append(metrics_of(2));

  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1].at("epoch"), 2);
}

TEST_F(MetricsLogging, KeepsLinesThatAFullDiskRefused) {
  log.append(metrics_of(1));
  std::string on_full_disk;
  {
    const FullDisk disk(std::filesystem::file_size(path) + 10);
    log.append(metrics_of(2));
    on_full_disk = content_of(path);
  }

  log.append(metrics_of(3));

  EXPECT_EQ(on_full_disk, metrics_line(metrics_of(1)) + "\n") << "no half line";
  EXPECT_EQ(warnings,
            std::vector<std::string>{"cannot write '" + path.string() +
                                     "': File too large. Training continues; the next epoch tries again."});
  EXPECT_EQ(lines_of(path).size(), 3U);
}

TEST(Summary, IsTakenFromASnapshot) {
  ModelSnapshot snapshot = small_snapshot(4);
  snapshot.fingerprint = 0xabc;

  const RunSummary summary = summary_of(head_of(snapshot));

  EXPECT_EQ(summary.test_accuracy, 0.75);
  EXPECT_EQ(summary.best_test_accuracy, 0.875);
  EXPECT_EQ(summary.epochs, 4);
  EXPECT_EQ(summary.connections, 4 + 3 + 4);
  EXPECT_EQ(summary.connections_per_layer, (std::vector<Offset>{4, 3, 4}));
  EXPECT_EQ(summary.alive_neurons, (std::vector<Offset>{3, 3, 2, 2}));
  EXPECT_EQ(summary.pruned_share, 3.0 / 8) << "of 4 + 4 hidden neurons 3 + 2 are alive";
  EXPECT_EQ(summary.fingerprint, "0000000000000abc");
  EXPECT_EQ(summary.seconds_per_epoch, 5) << "median of 2, 4, 6, 8";
  EXPECT_EQ(summary.seconds_rewire, 0.25);
  EXPECT_EQ(summary.instruction_set, "fma");
  EXPECT_EQ(summary.restarts, 1);
  EXPECT_EQ(summary.data_name, "two moons");
}

TEST(Summary, GivesBackWhatWasWritten) {
  const TempDir folder;
  RunSummary written = summary_of(head_of(small_snapshot(3)));
  written.ranks = 4;
  written.threads = 2;
  written.peak_memory_bytes = 1 << 30;
  written.exactness = "exact";

  write_summary(folder.path() / "summary.json", written);

  EXPECT_EQ(read_summary(folder.path() / "summary.json"), written);
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"summary.json"});
}

TEST(Summary, ThatCannotBeReadIsNamed) {
  const TempDir folder;
  const auto path = folder.path() / "summary.json";
  EXPECT_NE(message_of<InputError>([&] { (void)read_summary(path); }).find("No such file"),
            std::string::npos);

  for (const std::string text : {"", "{}", "{\"epochs\": \"ten\"}"}) {
    write_content(path, text);
    const std::string message = message_of<InputError>([&] { (void)read_summary(path); });
    EXPECT_TRUE(message.starts_with("'" + path.string() + "' is no summary of a run")) << message;
  }
}

}  // namespace
}  // namespace plexus
