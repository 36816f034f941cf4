#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "io/durable_file.hpp"
#include "io/tuning_file.hpp"
#include "src/sparse/kernels.hpp"
#include "src/support/error.hpp"
#include "tests/support/temp_dir.hpp"

namespace plexus {
namespace {

namespace fs = std::filesystem;

const TuningKey key = {"A \"fine\" processor \\ 7", "avx2", "1.2.3"};
constexpr KernelTuning some{1 << 20, 1 << 23, 0.5231987654321, 7};

/// A variable of the environment for the length of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    was_set_ = before != nullptr;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (was_set_) {
      setenv(name_, before_.c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::string before_;
  bool was_set_;
};

class TuningFile : public testing::Test {
 protected:
  /// Counts how often it is asked.
  FoundTuning find(const TuningKey& wanted = key) {
    return find_tuning(path, wanted, [this] {
      ++measurements;
      return some;
    });
  }

  const Variable on{"PLEXUS_TUNING", "on"};
  const TempDir folder;
  fs::path path = folder.path() / "cache" / "plexus" / "tuning.toml";
  int measurements = 0;
};

TEST_F(TuningFile, IsMeasuredOnceAndReadThen) {
  const FoundTuning first = find();
  const FoundTuning second = find();

  EXPECT_EQ(first.tuning, some);
  EXPECT_EQ(first.origin, "measured, kept in " + path.string());
  EXPECT_EQ(second.tuning, some);
  EXPECT_EQ(second.origin, path.string());
  EXPECT_EQ(measurements, 1);
}

TEST_F(TuningFile, IsMeasuredAgainWhereItIsDamaged) {
  static_cast<void>(find());
  const std::string whole = read_text(path);
  const auto without = [&](const std::string& line) { return whole.substr(0, whole.find(line)); };
  std::string negative = whole;
  negative.replace(negative.find("near_bytes = "), 13, "near_bytes = -");
  std::string word = whole;
  word.replace(word.find("dense_density = "), 16, "dense_density = low #");
  std::string zero = whole;
  zero.replace(zero.find("dense_density = "), 16, "dense_density = 0.0 #");
  std::string no_run = whole;
  no_run.replace(no_run.find("tile_run = 7"), 12, "tile_run = 0");
  int expected = measurements;

  for (const std::string& damaged :
       {std::string(), without("cached_bytes"), without("dense_density"), without("= 0.5"),
        without("tile_run"), negative, word, zero, no_run, std::string("\0\xff\x01", 3)}) {
    write_text_durably(path, damaged);

    EXPECT_EQ(find().tuning, some) << damaged;
    EXPECT_EQ(measurements, ++expected) << damaged;
    EXPECT_EQ(read_text(path), whole);
  }
}

TEST_F(TuningFile, HoldsForItsProcessorInstructionSetAndVersion) {
  static_cast<void>(find());

  for (const TuningKey& other :
       {TuningKey{"another", key.kernels, key.version}, TuningKey{key.processor, "avx512", key.version},
        TuningKey{key.processor, key.kernels, "1.2.4"}}) {
    EXPECT_EQ(read_tuning(path, other), std::nullopt);
  }
  EXPECT_EQ(read_tuning(path, key), some);
}

TEST_F(TuningFile, IsTheDefaultWhereItCannotBeKept) {
  const fs::path file = folder.write("file", "");
  path = file / "plexus" / "tuning.toml";  // a file where a folder should be

  EXPECT_EQ(find().tuning, KernelTuning{});
  EXPECT_EQ(measurements, 0);

  path.clear();
  EXPECT_EQ(find().tuning, KernelTuning{});
  EXPECT_EQ(measurements, 0);
}

TEST_F(TuningFile, TheEnvironmentCanTurnItOff) {
  {
    const Variable off("PLEXUS_TUNING", "off");
    EXPECT_EQ(find().tuning, KernelTuning{});
  }
  EXPECT_EQ(measurements, 0);
  EXPECT_FALSE(fs::exists(path));

  const Variable misspelt("PLEXUS_TUNING", "of");
  EXPECT_THROW(static_cast<void>(find()), InputError);
}

TEST_F(TuningFile, LiesInTheCacheOfTheUser) {
  const Variable home("HOME", "/home/somebody");
  {
    const Variable cache("XDG_CACHE_HOME", "/scratch/cache");
    EXPECT_EQ(tuning_path(key), "/scratch/cache/plexus/tuning-A--fine--processor---7-avx2-1.2.3.toml");
  }
  const Variable relative("XDG_CACHE_HOME", "cache");  // which the specification says to ignore
  EXPECT_EQ(tuning_path(key).parent_path(), "/home/somebody/.cache/plexus");
  const Variable nowhere("HOME", "");
  EXPECT_TRUE(tuning_path(key).empty());
}

TEST_F(TuningFile, KeyNamesThisProcessAndTheCodeThatIsMeasured) {
  const TuningKey own = tuning_key("1.2.3");

  EXPECT_EQ(own.kernels, kernels().name);
  EXPECT_EQ(own.version.substr(0, 6), "1.2.3 ");
  EXPECT_EQ(own.version.size(), 6U + 12U);
  EXPECT_FALSE(own.processor.empty());
}

}  // namespace
}  // namespace plexus
