#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "io/durable_file.hpp"
#include "io/speed_file.hpp"
#include "tests/support/temp_dir.hpp"

namespace plexus {
namespace {

namespace fs = std::filesystem;

const TuningKey key = {"A \"fine\" processor \\ 7", "avx2", "1.2.3"};

SpeedEntry alone() {
  SpeedEntry entry;
  entry.kernels = default_kernel_speed();
  entry.kernels.gather = 0.1234567890123456;
  return entry;
}

SpeedEntry of_four() {
  SpeedEntry entry = alone();
  entry.layout = {4, 2, 3, false};
  entry.network = NetworkSpeed{1.0 / 3e5, 2e9, 0.25, {{1000, 1e-9}, {100000, 0.5e-9}}, 1e-6, 7e-6};
  return entry;
}

class SpeedFile : public testing::Test {
 protected:
  const TempDir folder;
  fs::path path = folder.path() / "cache" / "plexus" / "speed.toml";
};

TEST_F(SpeedFile, ReadsWhatWasKept) {
  ASSERT_TRUE(keep_speed(path, key, alone()));
  ASSERT_TRUE(keep_speed(path, key, of_four()));

  EXPECT_EQ(read_speeds(path, key), (std::vector<SpeedEntry>{alone(), of_four()}));
}

TEST_F(SpeedFile, OtherMachinesAndOtherWaysOfSumsAreApart) {
  SpeedEntry elsewhere = of_four();
  elsewhere.layout.machines = 1;
  SpeedEntry shared = elsewhere;
  shared.layout.shared_memory = true;

  keep_speed(path, key, of_four());
  keep_speed(path, key, elsewhere);
  keep_speed(path, key, shared);

  EXPECT_EQ(read_speeds(path, key), (std::vector<SpeedEntry>{of_four(), elsewhere, shared}));
}

TEST_F(SpeedFile, TheLatestMeasurementReplacesTheOneOfTheSameRanks) {
  keep_speed(path, key, of_four());
  keep_speed(path, key, alone());
  SpeedEntry later = of_four();
  later.network->latency = 7e-6;

  keep_speed(path, key, later);

  EXPECT_EQ(read_speeds(path, key), (std::vector<SpeedEntry>{alone(), later}));
}

TEST_F(SpeedFile, HoldsForNothingElse) {
  keep_speed(path, key, alone());

  EXPECT_TRUE(read_speeds(path, {"another", key.kernels, key.version}).empty());
  EXPECT_TRUE(read_speeds(path, {key.processor, "avx512", key.version}).empty());
  EXPECT_TRUE(read_speeds(path, {key.processor, key.kernels, "1.2.4"}).empty());
}

TEST_F(SpeedFile, WhatIsDamagedOrMissingIsNotThere) {
  EXPECT_TRUE(read_speeds(path, key).empty());
  keep_speed(path, key, of_four());
  const std::string text = read_text(path);
  const auto without = [&](const std::string& part, const std::string& instead) {
    std::string damaged = text;
    damaged.replace(damaged.find(part), part.size(), instead);
    write_text_durably(path, damaged);
    return read_speeds(path, key);
  };

  EXPECT_TRUE(without("gather", "gathers").empty());
  EXPECT_TRUE(without("bandwidth = ", "bandwidth = -").empty());
  EXPECT_TRUE(without("threads = 2", "threads = \"2\"").empty());
  EXPECT_TRUE(without("shared_memory", "shared").empty());
  EXPECT_TRUE(without("processor", "= processor").empty());
  EXPECT_EQ(without("processor", "processor").size(), 1U);
}

TEST_F(SpeedFile, SaysWhereNothingCanBeKept) {
  write_text_durably(folder.path() / "file", "a file where a folder should be");

  EXPECT_FALSE(keep_speed(folder.path() / "file" / "speed.toml", key, alone()));
  EXPECT_FALSE(keep_speed({}, key, alone()));
}

}  // namespace
}  // namespace plexus
