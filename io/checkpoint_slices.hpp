#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "io/checkpoint_layout.hpp"
#include "io/file_descriptor.hpp"
#include "io/run_files.hpp"
#include "src/state/slice_files.hpp"

namespace plexus {

/// A checkpoint that several parts write, in the format of `write_checkpoint`. Used on part 0. The file has a
/// temporary name until it is published, and is removed unless it is.
class SlicedCheckpoint {
 public:
  /// Makes a file with room for everything. @throws Fault naming the file and the reason.
  SlicedCheckpoint(const std::filesystem::path& path, SnapshotHead head, std::string_view code_version);

  [[nodiscard]] const SnapshotHead& head() const { return head_; }
  [[nodiscard]] SliceFilePlan plan() const;

  /// All parts have written `pieces`. Reads the arrays back, compares them with the pieces, and completes the
  /// file: hashes, fingerprint, seal, its name. Needs memory for a block.
  /// @throws Fault naming the file and the reason, also where the pieces leave gaps.
  void publish(std::uint64_t fingerprint, std::vector<WrittenPiece> pieces);

 private:
  struct Array {
    std::string dataset;
    hdf5::FilePlace place;
  };
  void create(hdf5::Group& root);

  SnapshotHead head_;
  std::vector<std::vector<Array>> arrays_;  // by layer
  std::optional<hdf5::StagedFile> file_;
};

/// Writes a part's slices into the file at the places that the plan gives them, without HDF5 (io/README.md
/// says why). Beside the slice it needs memory for its row pointers.
class SliceFileWriter final : public SliceWriter {
 public:
  void open(const SnapshotHead& head, const SliceFilePlan& plan, int part) override;
  void write(std::size_t layer, const LayerSnapshot& slice, SlicePlace place) override;
  std::vector<WrittenPiece> close() override;

 private:
  void put(std::uint64_t begin, std::span<const std::byte> bytes);
  void sync();
  void put_ids(std::size_t layer, const LayerSnapshot& slice, SlicePlace place);

  std::vector<LayerHead> layers_;
  SliceFilePlan plan_;
  int part_ = 0;
  FileDescriptor file_;
  std::vector<WrittenPiece> pieces_;
  std::size_t unsynced_ = 0;  ///< bytes
};

/// All of a checkpoint but the arrays of its layers, for parts that will read their slices. Checks the seal,
/// and so reads the whole file: one rank calls it for all.
/// @throws InputError naming the file and what is damaged or too new.
[[nodiscard]] SnapshotHead read_checkpoint_head(const std::filesystem::path& path);

/// Rows [begin, end) of a layer of a checkpoint whose head has been read: with the columns, and col_ids, of
/// the whole layer; of a dense layer with all cells as connections. The fingerprint is for the caller to
/// compare: it is a sum over slices.
/// @throws InputError naming the file and what is damaged.
[[nodiscard]] LayerSnapshot read_checkpoint_slice(const std::filesystem::path& path, std::size_t layer,
                                                  Index begin, Index end);

/// A checkpoint that can be read in slices.
struct FoundCheckpoint {
  std::filesystem::path path;
  SnapshotHead head;
  bool operator==(const FoundCheckpoint&) const = default;
};

/// The newest readable checkpoint of a run. Files that cannot be read are passed over, each with a warning
/// that names it, the reason and the file used instead.
/// @return nothing when the run has no checkpoint. @throws InputError when it has some and none can be read.
[[nodiscard]] std::optional<FoundCheckpoint> find_newest(const RunFiles& run, const Warn& warn);

/// For `--resume PATH`: a checkpoint file, or a run directory, of which the newest readable checkpoint is
/// taken.
/// @throws InputError if there is none.
[[nodiscard]] FoundCheckpoint find_checkpoint(const std::filesystem::path& path, const Warn& warn);

}  // namespace plexus
