#include "io/checkpoint_slices.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "io/checkpoint_file.hpp"
#include "io/durable_file.hpp"
#include "src/support/error.hpp"
#include "tests/io/run_fixtures.hpp"
#include "tests/io/slice_fixtures.hpp"

namespace plexus {
namespace {

namespace fs = std::filesystem;

class CheckpointSlices : public ::testing::Test {
 protected:
  /// A network of which each array is larger than the blocks in which files are written and read.
  static ModelSnapshot large_snapshot() {
    ModelSnapshot snapshot;
    snapshot.instruction_set = "fma";
    LayerSnapshot& layer = snapshot.layers.emplace_back();
    layer.activation = "relu";
    constexpr Index rows = 200'000;
    layer.topology.rows = rows;
    layer.topology.cols = 7;
    for (Index row = 0; row < rows; ++row) {
      for (Index col = row % 3; col < 7; col += 3) layer.topology.col_idxs.push_back(col);
      layer.topology.row_ptrs.push_back(layer.topology.connections());
      layer.biases.push_back(static_cast<Real>(row));
      layer.row_ids.push_back(2 * NeuronId{row});
    }
    for (std::size_t p = 0; p < layer.topology.col_idxs.size(); ++p)
      layer.values.push_back(static_cast<Real>(p) / 3);
    layer.value_states = {layer.values};
    layer.bias_states = {layer.biases};
    layer.col_ids = {0, 1, 2, 3, 4, 5, 6};
    layer.original_rows = 2 * Offset{rows};
    layer.original_cols = 7;
    snapshot.fingerprint = fingerprint(snapshot);
    return snapshot;
  }

  TempDir folder;
  fs::path path = folder.path() / "e000003.h5";
};

TEST_F(CheckpointSlices, MakeTheFileThatTheWholeNetworkMakes) {
  for (const ModelSnapshot& snapshot : {small_snapshot(3, 45), small_snapshot(0), large_snapshot()}) {
    for (const int parts : {1, 2, 3, 5}) {
      write_in_parts(path, snapshot, parts);

      EXPECT_EQ(read_checkpoint(path), snapshot) << parts << " parts";
      EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"e000003.h5"}) << "nothing else stays";
    }
  }
}

TEST_F(CheckpointSlices, OneRankWritesAndReadsWholeLayersDenseOnesToo) {
  const ModelSnapshot snapshot = small_snapshot(3, 45);
  {
    SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
    SliceFileWriter writer;
    writer.open(head_of(snapshot), file.plan(), 0);
    for (std::size_t l = 0; l < snapshot.layers.size(); ++l) writer.write(l, snapshot.layers[l], {});
    file.publish(snapshot.fingerprint, writer.close());
  }

  EXPECT_EQ(read_checkpoint(path), snapshot);
  for (std::size_t l = 0; l < snapshot.layers.size(); ++l)
    EXPECT_EQ(read_checkpoint_layer(path, l), snapshot.layers[l]) << "layer " << l;
}

TEST_F(CheckpointSlices, ADenseSliceIsRefusedForASparseLayer) {
  const ModelSnapshot snapshot = small_snapshot();
  const SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
  SliceFileWriter writer;
  writer.open(head_of(snapshot), file.plan(), 0);
  LayerSnapshot full = snapshot.layers[0];
  full.kind = LayerKind::dense;

  EXPECT_THROW(writer.write(0, full, {}), Fault);
}

TEST_F(CheckpointSlices, HoldALayerThatLostAllConnections) {
  ModelSnapshot snapshot = small_snapshot();
  LayerSnapshot& layer = snapshot.layers[1];
  layer.topology.row_ptrs = {0, 0, 0};
  layer.topology.col_idxs.clear();
  layer.values.clear();
  layer.value_states = {{}, {}};
  snapshot.fingerprint = fingerprint(snapshot);

  write_in_parts(path, snapshot, 3);

  EXPECT_EQ(read_checkpoint(path), snapshot);
}

TEST_F(CheckpointSlices, AreReadByAnyCutFromAnyFile) {
  const ModelSnapshot snapshot = small_snapshot(3, 45);
  const fs::path whole = folder.path() / "whole.h5";
  write_checkpoint(whole, snapshot, "0.1.0");
  write_in_parts(path, snapshot, 3);

  for (const fs::path& file : {whole, path}) {
    const SnapshotHead head = read_checkpoint_head(file);
    EXPECT_EQ(head, head_of(snapshot));
    for (std::size_t l = 0; l < snapshot.layers.size(); ++l) {
      for (Index begin = 0; begin <= head.layers[l].rows; ++begin) {
        for (Index end = begin; end <= head.layers[l].rows; ++end) {
          EXPECT_EQ(read_checkpoint_slice(file, l, begin, end), rows_of(snapshot.layers[l], begin, end))
              << file << ", layer " << l << ", rows " << begin << " to " << end;
        }
      }
    }
  }
}

TEST_F(CheckpointSlices, HaveFingerprintsThatAddUp) {
  const ModelSnapshot snapshot = small_snapshot(3, 45);
  write_in_parts(path, snapshot, 2);
  const SnapshotHead head = read_checkpoint_head(path);

  std::vector<std::uint64_t> layers;
  for (std::size_t l = 0; l < head.layers.size(); ++l) {
    std::uint64_t sum = 0;
    const std::vector<Index> cuts = uneven_cuts(head.layers[l].rows, 3);
    for (std::size_t part = 0; part < 3; ++part)
      sum += slice_fingerprint(read_checkpoint_slice(path, l, cuts[part], cuts[part + 1]), l);
    layers.push_back(layer_fingerprint(sum, l, head.layers[l].gradient_exponent));
  }

  EXPECT_EQ(fingerprint(head.rest.position, layers), snapshot.fingerprint);
}

TEST_F(CheckpointSlices, AFullDiskStopsOnePartOnly) {
  const ModelSnapshot snapshot = large_snapshot();
  {
    const SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
    const FullDisk disk(2'000'000);

    const std::string message = message_of<Fault>([&] { (void)write_part(file.plan(), snapshot, 1, 2); });

    EXPECT_EQ(message, "cannot write '" + file.plan().path + "': File too large");
  }
  EXPECT_TRUE(names_in(folder.path()).empty()) << "nothing is left behind";
}

TEST_F(CheckpointSlices, AFullDiskAtTheStartLeavesNothing) {
  const FullDisk disk(1000);

  const std::string message =
      message_of<Fault>([&] { const SlicedCheckpoint file(path, head_of(small_snapshot()), "0.1.0"); });

  EXPECT_EQ(message, "cannot write '" + path.string() + "': File too large");
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST_F(CheckpointSlices, AFullDiskAtTheEndLeavesTheFormerFile) {
  const ModelSnapshot snapshot = small_snapshot();
  write_checkpoint(path, small_snapshot(1), "0.1.0");
  {
    SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
    const std::vector<WrittenPiece> pieces = write_part(file.plan(), snapshot, 0, 1);
    const FullDisk disk(fs::file_size(file.plan().path));

    const std::string message = message_of<Fault>([&] { file.publish(snapshot.fingerprint, pieces); });

    EXPECT_EQ(message, "cannot write '" + path.string() + "': File too large");
  }
  EXPECT_EQ(read_checkpoint(path), small_snapshot(1));
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"e000003.h5"});
}

TEST_F(CheckpointSlices, AMissingPartIsNoticed) {
  const ModelSnapshot snapshot = small_snapshot();
  SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
  const std::vector<WrittenPiece> pieces = write_part(file.plan(), snapshot, 0, 2);

  const std::string message = message_of<Fault>([&] { file.publish(snapshot.fingerprint, pieces); });

  EXPECT_EQ(message, "cannot write '" + path.string() +
                         "': the slices of dataset 'layers/000/W/indptr' leave a gap or overlap");
}

TEST_F(CheckpointSlices, BytesThatChangedOnTheirWayAreNoticed) {
  const ModelSnapshot snapshot = small_snapshot();
  SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
  const std::vector<WrittenPiece> pieces = write_part(file.plan(), snapshot, 0, 1);
  std::string content = content_of(file.plan().path);
  const std::size_t at = file.plan().begins[1][2];
  content[at] = static_cast<char>(content[at] ^ 1);
  write_content(file.plan().path, content);

  const std::string message = message_of<Fault>([&] { file.publish(snapshot.fingerprint, pieces); });

  EXPECT_EQ(message, "cannot write '" + path.string() +
                         "': dataset 'layers/001/W/data' reads back as other bytes than were written");
}

TEST_F(CheckpointSlices, ASliceOfAnotherLayerIsRefused) {
  const ModelSnapshot snapshot = small_snapshot();
  const SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
  SliceFileWriter writer;
  writer.open(head_of(snapshot), file.plan(), 0);

  EXPECT_THROW(writer.write(1, rows_of(snapshot.layers[0], 0, 3), {0, 0}), Fault);
  EXPECT_THROW(writer.write(1, rows_of(snapshot.layers[1], 0, 2), {1, 0}), Fault);
  EXPECT_THROW(writer.write(2, rows_of(snapshot.layers[2], 0, 1), {0, 1}), Fault) << "dense";
}

TEST_F(CheckpointSlices, AKilledPartLeavesATemporaryFileThatTheNextStartRemoves) {
  const ModelSnapshot snapshot = large_snapshot();
  const ::pid_t child = ::fork();
  if (child == 0) {
    const SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
    (void)write_part(file.plan(), snapshot, 1, 2);
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(names_in(folder.path()).size(), 1U);
  ASSERT_FALSE(fs::exists(path));

  remove_stale_temporaries(folder.path());

  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST_F(CheckpointSlices, ADamagedFileIsFoundByTheHead) {
  write_in_parts(path, small_snapshot(), 2);
  std::string content = content_of(path);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  write_content(path, content);

  const std::string message = message_of<InputError>([&] { (void)read_checkpoint_head(path); });

  EXPECT_EQ(message,
            "checkpoint '" + path.string() + "' is damaged: its bytes do not match the hash at its end");
}

TEST_F(CheckpointSlices, AreFoundInARun) {
  const RunFiles run{folder.path()};
  fs::create_directories(run.checkpoints());
  write_in_parts(run.checkpoints() / "e000001.h5", small_snapshot(1), 2);
  write_in_parts(run.checkpoints() / "e000002.h5", small_snapshot(2), 2);
  fs::resize_file(run.checkpoints() / "e000002.h5", 1000);
  std::vector<std::string> warnings;
  const Warn warn = [&](const std::string& text) { warnings.push_back(text); };

  const FoundCheckpoint found = find_checkpoint(folder.path(), warn);

  EXPECT_EQ(found.path, run.checkpoints() / "e000001.h5");
  EXPECT_EQ(found.head, head_of(small_snapshot(1)));
  EXPECT_EQ(warnings.size(), 1U);
  EXPECT_EQ(find_newest({folder.path() / "none"}, warn), std::nullopt);
  EXPECT_THROW((void)find_checkpoint(run.checkpoints(), warn), InputError);
}

}  // namespace
}  // namespace plexus
