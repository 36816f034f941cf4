#include "io/checkpoint_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/file_seal.hpp"
#include "io/hdf5_file.hpp"
#include "src/support/error.hpp"
#include "tests/io/run_fixtures.hpp"
#include "tests/io/slice_fixtures.hpp"

namespace plexus {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(CheckpointFile, GivesBackWhatWasWritten) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  const ModelSnapshot written = small_snapshot(3, 45);

  write_checkpoint(path, written, "0.1.0");

  EXPECT_EQ(read_checkpoint(path), written);
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"a.h5"}) << "no temporary file stays behind";
}

TEST(CheckpointFile, HoldsARunBeforeItsFirstEpoch) {
  const TempDir folder;
  const ModelSnapshot written = small_snapshot(0);

  write_checkpoint(folder.path() / "a.h5", written, "0.1.0");

  EXPECT_EQ(read_checkpoint(folder.path() / "a.h5"), written);
}

TEST(CheckpointFile, ReplacesAFileOfTheSameName) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  write_checkpoint(path, small_snapshot(1), "0.1.0");

  write_checkpoint(path, small_snapshot(2), "0.1.0");

  EXPECT_EQ(read_checkpoint(path), small_snapshot(2));
}

// Any byte, for time not every one; the seal at the end takes every part of the file alike.
TEST(CheckpointFile, AFlippedBitIsDetectedWhereverItIs) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  write_checkpoint(path, small_snapshot(), "0.1.0");
  const std::string intact = content_of(path);

  for (std::size_t at = 0; at < intact.size(); at += at + 16 < intact.size() ? 11 : 1) {
    std::string flipped = intact;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    write_content(path, flipped);
    const std::string message = message_of<InputError>([&] { (void)read_checkpoint(path); });
    ASSERT_TRUE(message.starts_with("checkpoint '" + path.string() + "' is damaged: "))
        << "byte " << at << ": " << message;
  }
}

TEST(CheckpointFile, ATruncatedFileIsDamaged) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  write_checkpoint(path, small_snapshot(), "0.1.0");
  const auto size = std::filesystem::file_size(path);

  for (const auto length : {size - 1, size - 16, size / 2, std::uintmax_t{100}, std::uintmax_t{0}}) {
    std::filesystem::resize_file(path, length);

    const std::string message = message_of<InputError>([&] { (void)read_checkpoint(path); });

    EXPECT_TRUE(contains(message, "is damaged") && contains(message, path.string())) << message;
  }
}

TEST(CheckpointFile, ANewerVersionIsRefusedClearly) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  hdf5::write_file(path, {"plexus-checkpoint", "checkpoint", 2, 1}, "9.0", [](hdf5::Group&) {});

  const std::string message = message_of<InputError>([&] { (void)read_checkpoint(path); });

  EXPECT_EQ(message, "checkpoint '" + path.string() +
                         "' has format version 2.1, this build reads 1.x. Use a newer build.");
}

TEST(CheckpointFile, AnotherKindOfFileIsRefused) {
  const TempDir folder;
  hdf5::write_file(folder.path() / "a.h5", {"plexus-topology", "record"}, "0.1.0", [](hdf5::Group&) {});
  write_content(folder.path() / "b.h5", "not HDF5 at all");

  EXPECT_TRUE(contains(message_of<InputError>([&] { (void)read_checkpoint(folder.path() / "a.h5"); }),
                       "is no checkpoint: its attribute 'format' is 'plexus-topology'"));
  EXPECT_TRUE(
      contains(message_of<InputError>([&] { (void)read_checkpoint(folder.path() / "b.h5"); }), "is damaged"));
  EXPECT_TRUE(contains(message_of<InputError>([&] { (void)read_checkpoint(folder.path() / "c.h5"); }),
                       "No such file or directory"));
}

// HDF5 files of other programs, and of a writer that stopped before the end.
TEST(CheckpointFile, AFileWithoutASealIsDamaged) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  write_checkpoint(path, small_snapshot(), "0.1.0");
  hdf5::prepare_library();
  { const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open"); }

  const std::string message = message_of<InputError>([&] { (void)read_checkpoint(path); });

  EXPECT_TRUE(contains(message, "is damaged: its end is missing")) << message;
}

TEST(CheckpointFile, AFileNotMarkedCompleteIsDamaged) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  hdf5::prepare_library();
  {
    const hdf5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose,
                            "create");
    hdf5::Group root({H5Gopen2(file.id(), "/", H5P_DEFAULT), H5Gclose, "open"});
    root.set("format", "plexus-checkpoint");
    root.set("format_version", std::vector<std::int32_t>{1, 0});
  }
  seal(path);

  const std::string message = message_of<InputError>([&] { (void)read_checkpoint(path); });

  EXPECT_TRUE(contains(message, "is damaged: attribute '/complete' is missing")) << message;
}

// A file whose hashes are right can still be wrong: what its parts say of each other is checked too.
TEST(CheckpointFile, PartsThatDoNotFitTogetherAreDamage) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  struct Case {
    std::function<void(ModelSnapshot&)> change;
    std::string message;
  };
  const std::vector<Case> cases = {
      {[](auto& s) {
         s.layers[0].topology.col_idxs = {2, 0, 1, 2};
       },
       "topology: row 0 has a column 0 out of range or order"},
      {[](auto& s) {
         s.layers[0].row_ids = {0, 3, 2};
       },
       "'neuron_ids_out' must ascend"},
      {[](auto& s) { s.layers[0].original_rows = 3; }, "'neuron_ids_out' must ascend between 0 and 2"},
      {[](auto& s) {
         s.layers[0].row_ids = {0, 1, 3};
       },
       "the columns of layer 1 are not the rows of the layer before"},
  };

  for (const auto& [change, expected] : cases) {
    ModelSnapshot snapshot = small_snapshot();
    change(snapshot);
    snapshot.fingerprint = fingerprint(snapshot);
    write_checkpoint(path, snapshot, "0.1.0");

    const std::string message = message_of<InputError>([&] { (void)read_checkpoint(path); });

    EXPECT_TRUE(contains(message, "is damaged") && contains(message, expected)) << message;
  }
}

TEST(CheckpointFile, ASnapshotThatIsNotWhatItsFingerprintSaysIsNotWritten) {
  const TempDir folder;
  ModelSnapshot snapshot = small_snapshot();
  snapshot.layers[0].values[0] += 1;

  EXPECT_THROW(write_checkpoint(folder.path() / "a.h5", snapshot, "0.1.0"), Fault);
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(CheckpointFile, AFailedWriteLeavesTheFormerFileAndNothingElse) {
  const TempDir folder;
  const auto path = folder.path() / "a.h5";
  write_checkpoint(path, small_snapshot(1), "0.1.0");

  for (const std::uint64_t room : {0, 1, 600, 2048, 5000, 9000}) {
    const FullDisk disk(room);
    const std::string message =
        message_of<Fault>([&] { write_checkpoint(path, small_snapshot(2), "0.1.0"); });
    EXPECT_EQ(message, "cannot write '" + path.string() + "': File too large") << room;
  }

  EXPECT_EQ(read_checkpoint(path), small_snapshot(1));
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"a.h5"});
}

class NewestCheckpoint : public ::testing::Test {
 protected:
  void write(std::int64_t epoch, std::int64_t step) {
    const ModelSnapshot snapshot = small_snapshot(epoch, step);
    std::filesystem::create_directories(run.checkpoints());
    write_checkpoint(file(epoch, step), snapshot, "0.1.0");
  }
  std::filesystem::path file(std::int64_t epoch, std::int64_t step) const {
    return run.checkpoints() / CheckpointFile{epoch, step}.file_name();
  }

  TempDir folder;
  RunFiles run{folder.path()};
  std::vector<std::string> warnings;
  Warn warn = [this](const std::string& text) { warnings.push_back(text); };
};

TEST_F(NewestCheckpoint, GoesByPosition) {
  for (const auto& [epoch, step] : {std::pair{2, 0}, {1, 0}, {1, 7}, {2, 5}, {2, 30}}) write(epoch, step);
  for (const std::string other : {".e000009.h5.tmp-1", "e9.h5", "e000009.s000000.h5", "notes.txt"}) {
    write_content(run.checkpoints() / other, "");
  }

  EXPECT_EQ(checkpoints_in(run), (std::vector<CheckpointFile>{{2, 30}, {2, 5}, {2, 0}, {1, 7}, {1, 0}}));
  EXPECT_EQ(newest_of(run, warn), small_snapshot(2, 30));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(NewestCheckpoint, FallsBackFromDamagedFilesAndSaysSo) {
  for (const std::int64_t epoch : {1, 2, 3}) write(epoch, 0);
  std::filesystem::resize_file(file(3, 0), 1000);
  std::filesystem::resize_file(file(2, 0), 0);

  EXPECT_EQ(newest_of(run, warn), small_snapshot(1));
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_TRUE(warnings[0].starts_with("checkpoint '" + file(3, 0).string() + "' is damaged: "))
      << warnings[0];
  EXPECT_TRUE(warnings[0].ends_with("; using '" + file(1, 0).string() + "'")) << warnings[0];
}

TEST_F(NewestCheckpoint, IsNothingInANewRun) { EXPECT_EQ(newest_of(run, warn), std::nullopt); }

TEST_F(NewestCheckpoint, IsAnErrorWhenAllAreDamaged) {
  write(1, 0);
  std::filesystem::resize_file(file(1, 0), 1000);

  const std::string message = message_of<InputError>([&] { (void)find_newest(run, warn); });

  EXPECT_TRUE(contains(message, "none of the 1 checkpoints")) << message;
}

TEST_F(NewestCheckpoint, CanBeNamedByFileOrByRun) {
  write(1, 0);
  write(2, 0);

  EXPECT_EQ(find_checkpoint(folder.path(), warn), (FoundCheckpoint{file(2, 0), head_of(small_snapshot(2))}));
  EXPECT_EQ(find_checkpoint(file(1, 0), warn), (FoundCheckpoint{file(1, 0), head_of(small_snapshot(1))}));
  EXPECT_THROW((void)find_checkpoint(run.checkpoints(), warn), InputError) << "neither a run nor a file";
}

TEST(CheckpointFileName, TellsEpochAndStep) {
  EXPECT_EQ((CheckpointFile{123, 0}.file_name()), "e000123.h5");
  EXPECT_EQ((CheckpointFile{123, 45}.file_name()), "e000123.s000045.h5");
  EXPECT_EQ((CheckpointFile{1234567, 0}.file_name()), "e1234567.h5");
}

}  // namespace
}  // namespace plexus
