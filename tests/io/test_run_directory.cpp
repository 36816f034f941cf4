#include "io/run_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "io/checkpoint_file.hpp"
#include "src/support/error.hpp"
#include "tests/io/run_fixtures.hpp"

namespace plexus {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

class Directory : public ::testing::Test {
 protected:
  /// A stand-in for the comparison of configs: the whole text is one key.
  static DifferingKeys compare_with(const std::string& config) {
    return [config](const std::string& stored) {
      return stored == config ? std::vector<std::string>{}
                              : std::vector<std::string>{"training.seed", "network.layers"};
    };
  }
  RunDirectory open(Resume resume, const std::string& config = "seed = 1", std::uint64_t data = 5) const {
    return RunDirectory::open(path, {config, "moons", data}, resume, compare_with(config));
  }
  std::string refusal(Resume resume, const std::string& config = "seed = 1", std::uint64_t data = 5) const {
    return message_of<InputError>([&] { (void)open(resume, config, data); });
  }

  TempDir folder;
  fs::path path = folder.path() / "runs" / "a";
};

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(Directory, IsCreatedOnlyOnRequest) {
  RunDirectory directory = open(Resume::never);
  const bool exists_after_open = fs::exists(path.parent_path());

  directory.create("0.1.0");

  EXPECT_FALSE(exists_after_open);
  EXPECT_FALSE(directory.holds_run());
  EXPECT_TRUE(directory.is_locked());
  EXPECT_EQ(names_in(path), (Names{".lock", "ckpt", "run.h5", "topo"}));
  EXPECT_EQ(read_run_index(directory.files()).identity, (RunIdentity{"seed = 1", "moons", 5}));
}

TEST_F(Directory, MayExistEmpty) {
  fs::create_directories(path);

  open(Resume::never).create("0.1.0");

  EXPECT_TRUE(fs::exists(path / "run.h5"));
}

TEST_F(Directory, ContinuesTheSameRun) {
  open(Resume::automatic).create("0.1.0");

  RunDirectory directory = open(Resume::automatic);
  directory.create("0.1.0");

  EXPECT_TRUE(directory.holds_run());
}

TEST_F(Directory, IsRefusedWhenItHoldsARunAndNoneIsToBeResumed) {
  open(Resume::never).create("0.1.0");

  expect_contains(refusal(Resume::never), "holds a run already. Choose another --out, or --resume auto.");
}

TEST_F(Directory, IsRefusedWhenTheConfigDiffers) {
  open(Resume::never).create("0.1.0");

  expect_contains(refusal(Resume::automatic, "seed = 2"), "config differs in training.seed, network.layers.");
}

TEST_F(Directory, IsRefusedWhenTheDataDiffer) {
  open(Resume::never).create("0.1.0");

  expect_contains(refusal(Resume::automatic, "seed = 1", 6), "trains on other data");
}

TEST_F(Directory, IsRefusedWhenItHoldsOtherFiles) {
  fs::create_directories(path);
  write_content(path / "thesis.tex", "");

  for (const Resume resume : {Resume::automatic, Resume::never}) {
    expect_contains(refusal(resume), "holds files that are no plexus run. Choose another --out.");
  }
  EXPECT_EQ(names_in(path), Names{"thesis.tex"});
}

TEST_F(Directory, IsRefusedWhenItIsAFile) {
  fs::create_directories(path.parent_path());
  write_content(path, "");

  expect_contains(refusal(Resume::automatic), "is no directory");
}

TEST_F(Directory, IsRefusedWhileAnotherProcessUsesIt) {
  RunDirectory first = open(Resume::automatic);
  RunDirectory late = open(Resume::automatic);
  first.create("0.1.0");

  expect_contains(refusal(Resume::automatic), "is in use by another process");
  expect_contains(message_of<InputError>([&] { late.create("0.1.0"); }), "is in use by another process");
}

TEST_F(Directory, TakenBetweenOpenAndCreateIsRefused) {
  RunDirectory late = open(Resume::never);
  open(Resume::never).create("0.1.0");

  expect_contains(message_of<InputError>([&] { late.create("0.1.0"); }), "has been taken by another run");
}

TEST_F(Directory, CleansUpAfterAKilledProcess) {
  fs::create_directories(path);
  write_content(path / ".run.h5.tmp-77", "half");
  write_content(path / ".lock", "");

  open(Resume::never).create("0.1.0");

  EXPECT_EQ(names_in(path), (Names{".lock", "ckpt", "run.h5", "topo"}));
}

TEST_F(Directory, IsKnownByACheckpointWhenTheIndexIsDamaged) {
  const ModelSnapshot snapshot = small_snapshot();
  fs::create_directories(path / "ckpt");
  write_checkpoint(path / "ckpt" / "e000003.h5", snapshot, "0.1.0");
  write_content(path / "run.h5", "damaged");

  const RunDirectory directory = open(Resume::automatic, snapshot.config_text, snapshot.data_identity);

  EXPECT_TRUE(directory.holds_run());
  expect_contains(refusal(Resume::never), "holds a run already");
}

TEST_F(Directory, IsRefusedWhenNothingTellsWhoseItIs) {
  fs::create_directories(path);
  write_content(path / "run.h5", "damaged");

  expect_contains(refusal(Resume::automatic), "cannot tell which run");
}

TEST_F(Directory, ThatCannotBeWrittenLeavesNothingHalfWritten) {
  RunDirectory directory = open(Resume::never);
  const FullDisk disk(500);

  expect_contains(message_of<InputError>([&] { directory.create("0.1.0"); }),
                  "File too large. Choose another --out");
  EXPECT_EQ(names_in(path), Names{".lock"});
}

}  // namespace
}  // namespace plexus
