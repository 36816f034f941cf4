#pragma once

#include <boost/serialization/vector.hpp>

#include "mpi/model_snapshot_serialization.hpp"
#include "src/state/slice_files.hpp"
#include "src/state/snapshot_head.hpp"

// Lets `message.hpp` carry what parts tell each other of a checkpoint that they write or read together.

namespace plexus {

template <class Archive>
void serialize(Archive& archive, LayerHead& h, unsigned) {
  archive& h.kind& h.activation& h.rows& h.cols& h.connections& h.generation& h.original_rows& h
      .original_cols;
  archive& h.gradient_exponent& h.value_states& h.bias_states;
}

template <class Archive>
void serialize(Archive& archive, SnapshotHead& h, unsigned) {
  archive& h.rest& h.layers;
}

template <class Archive>
void serialize(Archive& archive, SliceFilePlan& plan, unsigned) {
  archive& plan.path& plan.begins;
}

template <class Archive>
void serialize(Archive& archive, WrittenPiece& piece, unsigned) {
  archive& piece.begin& piece.bytes& piece.hash;
}

}  // namespace plexus
