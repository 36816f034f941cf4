#include "mpi/sliced_checkpoint.hpp"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "mpi/collective_check.hpp"
#include "src/support/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

constexpr std::size_t layers = 2;
constexpr Index columns = 3;

/// A slice of rows [begin, end) of layer `l`, of which row r has r % 3 + 1 connections.
LayerSnapshot slice_of(std::size_t l, Index begin, Index end) {
  LayerSnapshot slice;
  slice.topology.cols = columns;
  slice.gradient_exponent = static_cast<int>(l) + 20;
  for (Index row = begin; row < end; ++row) {
    ++slice.topology.rows;
    for (Index col = 0; col < row % columns + 1; ++col) {
      slice.topology.col_idxs.push_back(col);
      slice.values.push_back(static_cast<Real>(100 * row + col));
    }
    slice.topology.row_ptrs.push_back(slice.topology.connections());
    slice.biases.push_back(static_cast<Real>(row));
    slice.row_ids.push_back(row);
  }
  slice.col_ids = {0, 1, 2};
  return slice;
}

ModelSnapshot whole() {
  ModelSnapshot snapshot;
  snapshot.position.epoch = 7;
  snapshot.layers = {slice_of(0, 0, 3), slice_of(1, 0, 3)};
  snapshot.fingerprint = fingerprint(snapshot);
  return snapshot;
}

SnapshotHead head_of_whole() {
  SnapshotHead head;
  head.rest = whole();
  for (const LayerSnapshot& layer : head.rest.layers) head.layers.push_back(head_of(layer));
  head.rest.layers.clear();
  return head;
}

/// The rows of a part: with five parts some have none.
std::pair<Index, Index> rows_of(int part, int parts) { return {3 * part / parts, 3 * (part + 1) / parts}; }

/// A file that the parts share, and what became of it.
struct SharedFile final : SliceFiles {
  SliceFilePlan begin_slices(const SnapshotHead& head) override {
    ensure(!refuses, "the disk is full");
    EXPECT_EQ(head, head_of_whole());
    return {"file", {}};
  }
  void complete_slices(std::uint64_t fingerprint, std::vector<WrittenPiece> written) override {
    completed.push_back(fingerprint);
    pieces = std::move(written);
  }
  void abandon_slices(const std::string& problem) override { abandoned.push_back(problem); }

  bool refuses = false;
  std::vector<std::uint64_t> completed;
  std::vector<WrittenPiece> pieces;
  std::vector<std::string> abandoned;
  std::mutex mutex;
  std::map<std::pair<std::size_t, Index>, std::pair<Offset, LayerSnapshot>> slices;  // by layer and first row
};

struct SharedFileWriter final : SliceWriter {
  SharedFileWriter(SharedFile& shared, bool is_broken) : file(shared), fails(is_broken) {}
  void open(const SnapshotHead&, const SliceFilePlan& plan, int own_part) override {
    EXPECT_EQ(plan.path, "file");
    part = own_part;
    is_open = true;
  }
  void write(std::size_t layer, const LayerSnapshot& slice, SlicePlace place) override {
    ensure(!fails || layer == 0, "no room for layer {}", layer);
    if (slice.topology.rows == 0) return;
    const std::lock_guard lock(file.mutex);
    file.slices[{layer, place.first_row}] = {place.first_connection, slice};
  }
  std::vector<WrittenPiece> close() override {
    is_open = false;
    return {{static_cast<std::uint64_t>(part), 1, 0}};
  }

  SharedFile& file;
  bool fails;
  int part = -1;
  bool is_open = false;
};

/// Reads rows [first, second) of both layers by `read`.
template <class Read>
std::vector<LayerSnapshot> read_slices(DistributedContext& ctx, std::pair<Index, Index> rows,
                                       const Read& read) {
  const SnapshotHead head = head_of_whole();
  SliceReading reading(ctx, ctx, head);
  std::vector<LayerSnapshot> slices;
  for (std::size_t l = 0; l < layers; ++l)
    slices.push_back(reading.next([&](std::size_t layer) { return read(layer, rows.first, rows.second); }));
  reading.check();
  return slices;
}

/// Lets so many parts write. @param failing  part that cannot, -1 for none
void write_with(int parts, int failing, SharedFile& file) {
  run_ranks(parts, [&](DistributedContext& ctx) {
    SharedFileWriter writer(file, ctx.rank() == failing);
    const auto [begin, end] = rows_of(ctx.rank(), parts);
    const std::vector slices = {slice_of(0, begin, end), slice_of(1, begin, end)};

    const std::uint64_t found =
        write_slices(ctx, ctx.rank() == 0 ? &file : nullptr, writer, head_of_whole(),
                     [&](std::size_t l) -> const LayerSnapshot& { return slices.at(l); });

    EXPECT_EQ(found, whole().fingerprint);
    EXPECT_FALSE(writer.is_open) << "part " << ctx.rank();
  });
}

TEST(SlicedCheckpoint, EveryPartWritesItsRowsAtTheirPlace) {
  for (const int parts : {1, 2, 3, 5}) {
    SharedFile file;

    write_with(parts, -1, file);

    EXPECT_EQ(file.completed, std::vector{whole().fingerprint}) << parts << " parts";
    EXPECT_TRUE(file.abandoned.empty());
    EXPECT_EQ(file.pieces.size(), static_cast<std::size_t>(parts));
    for (std::size_t l = 0; l < layers; ++l) {
      for (int part = 0; part < parts; ++part) {
        const auto [begin, end] = rows_of(part, parts);
        if (begin == end) continue;
        const auto& [first_connection, slice] = file.slices.at({l, begin});
        EXPECT_EQ(first_connection, slice_of(l, 0, begin).topology.connections());
        EXPECT_EQ(slice, slice_of(l, begin, end));
      }
    }
  }
}

TEST(SlicedCheckpoint, OnePartThatCannotWriteStopsTheFileAndNoOtherPart) {
  for (const int failing : {0, 1, 2}) {
    SharedFile file;

    write_with(3, failing, file);

    EXPECT_TRUE(file.completed.empty());
    EXPECT_EQ(file.abandoned, std::vector{fmt::format("part {}: no room for layer 1", failing)});
  }
}

TEST(SlicedCheckpoint, AFileThatCannotBeMadeIsOneWarning) {
  SharedFile file;
  file.refuses = true;

  write_with(3, -1, file);

  EXPECT_TRUE(file.completed.empty() && file.slices.empty());
  EXPECT_EQ(file.abandoned, std::vector<std::string>{"part 0: the disk is full"});
}

TEST(SlicedCheckpoint, EveryPartReadsItsRows) {
  for (const int parts : {1, 2, 3, 5}) {
    run_ranks(parts, [&](DistributedContext& ctx) {
      const auto rows = rows_of(ctx.rank(), parts);

      const auto slices = read_slices(ctx, rows, slice_of);

      EXPECT_EQ(slices,
                (std::vector{slice_of(0, rows.first, rows.second), slice_of(1, rows.first, rows.second)}));
    });
  }
}

TEST(SlicedCheckpoint, AWrongByteInOneSliceIsNoticedByAllParts) {
  run_ranks(3, [](DistributedContext& ctx) {
    const auto rows = rows_of(ctx.rank(), 3);
    const auto read = [&](std::size_t l, Index begin, Index end) {
      LayerSnapshot slice = slice_of(l, begin, end);
      if (ctx.rank() == 2 && l == 1) slice.biases.at(0) += 1;
      return slice;
    };

    const std::string message = message_of<RanksFailed>([&] { (void)read_slices(ctx, rows, read); });

    EXPECT_NE(message.find("the file is damaged"), std::string::npos) << message;
  });
}

TEST(SlicedCheckpoint, APartThatCannotReadIsNamedToAll) {
  run_ranks(3, [](DistributedContext& ctx) {
    const auto rows = rows_of(ctx.rank(), 3);
    const auto read = [&](std::size_t l, Index begin, Index end) {
      require(ctx.rank() != 1, "cannot read the file");
      return slice_of(l, begin, end);
    };

    const std::string message = message_of<RanksFailed>([&] { (void)read_slices(ctx, rows, read); });

    EXPECT_EQ(message, "rank 1 of 3: cannot read the file");
  });
}

}  // namespace
}  // namespace plexus
