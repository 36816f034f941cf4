#include "io/run_writer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint_file.hpp"
#include "io/file_progress.hpp"
#include "io/run_index.hpp"
#include "io/topology_history.hpp"
#include "tests/io/run_fixtures.hpp"
#include "tests/io/slice_fixtures.hpp"

namespace plexus {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

class RunWriting : public ::testing::Test {
 protected:
  RunWriter writer(std::int64_t keep) { return {run, keep, "0.1.0", warn}; }

  TempDir folder;
  RunFiles run{folder.path() / "out"};
  std::vector<std::string> warnings;  // read only after `finish`
  Warn warn = [this](const std::string& text) { warnings.push_back(text); };
};

TEST_F(RunWriting, LeavesCheckpointsRecordsAndIndex) {
  EvolvingNetwork network({4, 5, 3});
  RunWriter out = writer(0);

  hand_over(out, network.first_record());
  hand_over(out, network.evolve(false));
  out.checkpoint(network.snapshot());
  const bool is_written = out.finish();

  EXPECT_TRUE(is_written);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(names_in(run.root), (Names{"ckpt", "run.h5", "topo"}));
  EXPECT_EQ(names_in(run.topologies()), (Names{"e000000.h5", "e000001.h5"}));
  EXPECT_EQ(read_checkpoint(run.checkpoints() / "e000001.h5"), network.snapshot());
  const RunIndex expected{{"seed = 1\n", "none", 0}, network.snapshot().history};
  EXPECT_EQ(read_run_index(run), expected);
}

TEST_F(RunWriting, CompletesWhatPartsHaveWritten) {
  const ModelSnapshot snapshot = small_snapshot(2);
  RunWriter out = writer(1);
  out.checkpoint(small_snapshot(1));

  const SliceFilePlan plan = out.begin_slices(head_of(snapshot));
  std::vector<WrittenPiece> pieces;
  for (const int part : {0, 1}) {
    const auto own = write_part(plan, snapshot, part, 2);
    pieces.insert(pieces.end(), own.begin(), own.end());
  }
  out.complete_slices(snapshot.fingerprint, pieces);

  EXPECT_TRUE(out.finish());
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(names_in(run.checkpoints()), Names{"e000002.h5"}) << "the one before is not kept";
  EXPECT_EQ(newest_of(run, warn), snapshot);
  EXPECT_EQ(read_run_index(run).history, snapshot.history);
}

TEST_F(RunWriting, AbandonsWhatAPartCouldNotWrite) {
  RunWriter out = writer(1);
  out.checkpoint(small_snapshot(1));

  const SliceFilePlan plan = out.begin_slices(head_of(small_snapshot(2)));
  (void)write_part(plan, small_snapshot(2), 0, 2);
  out.abandon_slices("part 1: cannot write: No space left on device");

  EXPECT_FALSE(out.finish());
  EXPECT_EQ(names_in(run.checkpoints()), Names{"e000001.h5"});
  EXPECT_EQ(warnings, std::vector<std::string>{"part 1: cannot write: No space left on device. Training "
                                               "continues; the next checkpoint tries again."});
}

TEST_F(RunWriting, SlicesThatDoNotFillTheFileAreAWarning) {
  RunWriter out = writer(1);

  const SliceFilePlan plan = out.begin_slices(head_of(small_snapshot(2)));
  out.complete_slices(small_snapshot(2).fingerprint, write_part(plan, small_snapshot(2), 0, 2));

  EXPECT_FALSE(out.finish());
  EXPECT_TRUE(names_in(run.checkpoints()).empty());
  EXPECT_EQ(warnings.size(), 1U);
}

TEST_F(RunWriting, KeepsTheNewestCheckpoints) {
  RunWriter out = writer(3);

  for (const std::int64_t epoch : {1, 2, 3}) {
    out.checkpoint(small_snapshot(epoch));
    out.checkpoint(small_snapshot(epoch, 4));
  }
  out.finish();

  EXPECT_EQ(names_in(run.checkpoints()), (Names{"e000002.s000004.h5", "e000003.h5", "e000003.s000004.h5"}))
      << "one within an epoch is newer than the one at its start";
}

TEST_F(RunWriting, KeepsAllOnRequest) {
  RunWriter out = writer(0);

  for (const std::int64_t epoch : {1, 2, 3, 4, 5}) out.checkpoint(small_snapshot(epoch));
  out.finish();

  EXPECT_EQ(names_in(run.checkpoints()).size(), 5U);
}

// After a fallback the damaged file has a later position than what is written next.
TEST_F(RunWriting, NeverDeletesWhatItJustWroteForAFileOfALaterPosition) {
  fs::create_directories(run.checkpoints());
  write_content(run.checkpoints() / "e000009.h5", "damaged");
  RunWriter out = writer(1);

  out.checkpoint(small_snapshot(7));
  out.checkpoint(small_snapshot(8));
  out.finish();

  EXPECT_EQ(names_in(run.checkpoints()), (Names{"e000008.h5", "e000009.h5"}));
}

TEST_F(RunWriting, RemovesWhatAKilledProcessLeft) {
  fs::create_directories(run.checkpoints());
  write_content(run.checkpoints() / ".e000009.h5.tmp-4711", "half");
  write_content(run.checkpoints() / "notes.txt", "mine");

  writer(3).finish();

  EXPECT_EQ(names_in(run.checkpoints()), Names{"notes.txt"});
}

TEST_F(RunWriting, AFullDiskIsAWarningAndTheNextCheckpointTriesAgain) {
  RunWriter out = writer(1);
  out.checkpoint(small_snapshot(1));
  ASSERT_TRUE(out.finish());
  bool is_written_on_full_disk = true;
  Names names_on_full_disk;
  {
    const FullDisk disk(3000);
    out.checkpoint(small_snapshot(2));
    is_written_on_full_disk = out.finish();
    names_on_full_disk = names_in(run.checkpoints());
  }

  out.checkpoint(small_snapshot(3));
  const bool is_written_after = out.finish();

  EXPECT_FALSE(is_written_on_full_disk);
  EXPECT_EQ(names_on_full_disk, Names{"e000001.h5"}) << "the last good one stays, nothing half-written";
  EXPECT_EQ(warnings,
            std::vector<std::string>{"cannot write '" + (run.checkpoints() / "e000002.h5").string() +
                                     "': File too large. Training continues; the next checkpoint "
                                     "tries again."});
  EXPECT_TRUE(is_written_after);
  EXPECT_EQ(newest_of(run, warn), small_snapshot(3));
}

TEST_F(RunWriting, RecordsOfAFullDiskAreWrittenLater) {
  EvolvingNetwork network({4, 5, 3});
  RunWriter out = writer(1);
  hand_over(out, network.first_record());
  out.finish();
  {
    const FullDisk disk(1000);
    hand_over(out, network.evolve(false));
    hand_over(out, network.evolve(false));
    out.finish();
  }

  out.checkpoint(network.snapshot());
  out.finish();

  EXPECT_EQ(warnings.size(), 1U);
  EXPECT_EQ(topology_at(run, 1, 2), network.pattern(1));
}

TEST_F(RunWriting, LargeRecordsAreWrittenLayerByLayerWithTheSameContent) {
  EvolvingNetwork network({4, 5, 3});
  const RunFiles reference{folder.path() / "reference"};
  fs::create_directories(reference.topologies());
  RunWriter out(run, 1, "0.1.0", warn, {.most_record_bytes = 1});

  for (const TopologyRecord& record : {network.first_record(), network.evolve(false), network.evolve(true)}) {
    hand_over(out, record);
    write_topology_record(reference, record, "0.1.0");
  }
  out.finish();

  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(names_in(run.topologies()), (Names{"e000000.h5", "e000001.h5", "e000002.h5"}));
  for (const std::int64_t epoch : {0, 1, 2}) {
    const TopologyRecord found = read_topology_record(run.topology(epoch));
    const TopologyRecord expected = read_topology_record(reference.topology(epoch));
    EXPECT_EQ(found.epoch, epoch);
    ASSERT_EQ(found.layers.size(), expected.layers.size());
    for (std::size_t l = 0; l < found.layers.size(); ++l) {
      EXPECT_TRUE(found.layers[l] == expected.layers[l]) << "epoch " << epoch << ", layer " << l;
      EXPECT_EQ(topology_at(run, l, epoch), topology_at(reference, l, epoch));
    }
  }
}

TEST_F(RunWriting, ALargeRecordThatCannotBeWrittenIsLostWithOneWarning) {
  EvolvingNetwork network({4, 5, 3});
  RunWriter out(run, 1, "0.1.0", warn, {.most_record_bytes = 1});
  hand_over(out, network.first_record());
  out.finish();
  {
    const FullDisk disk(1000);
    hand_over(out, network.evolve(false));
    out.finish();
  }

  hand_over(out, network.evolve(false));
  hand_over(out, network.evolve(true));
  out.finish();

  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("the topology record of epoch 1 is lost"), std::string::npos) << warnings[0];
  EXPECT_EQ(names_in(run.topologies()), (Names{"e000000.h5", "e000002.h5", "e000003.h5"}));
  EXPECT_THROW((void)topology_at(run, 0, 2), InputError) << "unknown until the next base";
  EXPECT_EQ(topology_at(run, 0, 3), network.pattern(0));
}

TEST_F(RunWriting, RecordsWaitWhereTooMuchWouldBeLeftInMemory) {
  std::promise<void> go_on;
  std::promise<void> stands;
  bool first = true;
  const Warn wait = [&](const std::string&) {  // on the background thread, which so stands still
    if (!std::exchange(first, false)) return;
    stands.set_value();
    go_on.get_future().wait();
  };
  std::promise<void> alive;
  bool is_alive = false;
  const auto say_alive = [&] {
    if (!std::exchange(is_alive, true)) alive.set_value();
  };
  RunWriter out(run, 1, "0.1.0", wait, {.most_record_bytes = 3 * sizeof(Offset), .alive = say_alive});
  const auto record_of = [](std::size_t dropped) {
    LayerRecord record{0, 0, 2, {}};
    record.history.dropped.assign(dropped, 0);
    return record;
  };
  {
    const FullDisk disk(10);
    out.record(record_of(100));  // by itself larger than what may wait
    stands.get_future().wait();
  }
  auto second = std::async(std::launch::async, [&] { out.record(record_of(1)); });

  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  auto is_said = alive.get_future();  // by the waiting thread, because the files get on
  while (is_said.wait_for(std::chrono::milliseconds(10)) == std::future_status::timeout) count_file_piece();
  go_on.set_value();
  second.get();
  out.finish();
  EXPECT_FALSE(first);
}

TEST_F(RunWriting, WritesWhatIsPendingBeforeItEnds) {
  {
    RunWriter out = writer(0);
    for (std::int64_t epoch = 1; epoch <= 6; ++epoch) out.checkpoint(small_snapshot(epoch));
  }

  EXPECT_EQ(names_in(run.checkpoints()).size(), 6U);
}

TEST_F(RunWriting, ContinuesTheIndexOfARun) {
  writer(0).checkpoint(small_snapshot(2));
  EvolvingNetwork network({4, 5, 3});

  RunWriter out = writer(0);
  hand_over(out, network.first_record());
  out.finish();

  EXPECT_EQ(read_run_index(run).history, small_snapshot(2).history);
  EXPECT_TRUE(warnings.empty());
}

}  // namespace
}  // namespace plexus
