#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "src/state/snapshot_head.hpp"
#include "src/support/types.hpp"

namespace plexus {

// A checkpoint of a network that several parts hold, or one that is too large to be copied. Part 0 makes a
// file with room for everything, every part writes its slices into it layer by layer, and part 0 completes
// it:
//
//     part 0        plan = SliceFiles::begin_slices(head)
//     every part    SliceWriter::open(head, plan, part), write(each layer), pieces = close()
//     part 0        SliceFiles::complete_slices(fingerprint, pieces of all parts), or abandon_slices
//
// `io` implements both; `mpi/sliced_checkpoint` ties the parts together.

/// Where a slice of rows lies in its layer.
struct SlicePlace {
  Index first_row = 0;
  Offset first_connection = 0;
};

/// Where in a file the arrays of the layers lie, in the order the writer knows.
struct SliceFilePlan {
  std::string path;
  std::vector<std::vector<std::uint64_t>> begins;  ///< by layer and array, bytes from the start of the file
};

/// What a part has written.
struct WrittenPiece {
  std::uint64_t begin = 0;  ///< in the file
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;  ///< XXH3 of the bytes as they were in memory
};

/// A part's hands on a file. Every member throws `Fault` with the reason.
class SliceWriter {
 public:
  virtual ~SliceWriter() = default;
  virtual void open(const SnapshotHead& head, const SliceFilePlan& plan, int part) = 0;
  /// The part's slice of a layer, once each. Columns, and col_ids, are those of the whole layer; col_ids are
  /// needed of layer 0 on part 0 only. A slice of a dense layer is dense, or has all cells as connections.
  virtual void write(std::size_t layer, const LayerSnapshot& slice, SlicePlace place) = 0;
  /// Lets go of the file, also after a failure: an open one takes room though it was removed. What was
  /// written is then on disk. @return all of it
  virtual std::vector<WrittenPiece> close() = 0;
};

/// Part 0's hands on files: one at a time.
class SliceFiles {
 public:
  virtual ~SliceFiles() = default;
  /// Makes a file for the checkpoint. Waits until other files are written. @throws Fault with the reason.
  virtual SliceFilePlan begin_slices(const SnapshotHead& head) = 0;
  /// All parts have written. Returns soon: the file is checked and put in place later, and a failure becomes
  /// a warning.
  virtual void complete_slices(std::uint64_t fingerprint, std::vector<WrittenPiece> pieces) = 0;
  /// A part could not write, or `begin_slices` threw. Removes the file and warns.
  virtual void abandon_slices(const std::string& problem) = 0;
};

}  // namespace plexus
