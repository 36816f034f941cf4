#pragma once

#include <boost/serialization/vector.hpp>

#include "src/state/model_snapshot.hpp"

// Lets `message.hpp` carry a snapshot: rank 0 reads a checkpoint, the others get it from there. Between ranks
// only; checkpoints in files are HDF5.

namespace plexus {

template <class Archive>
void serialize(Archive& archive, Topology& t, unsigned) {
  archive& t.rows& t.cols& t.row_ptrs& t.col_idxs& t.generation;
}

template <class Archive>
void serialize(Archive& archive, LayerSnapshot& l, unsigned) {
  archive& l.kind& l.activation& l.topology& l.values& l.value_states& l.biases& l.bias_states& l.row_ids& l
      .col_ids;
  archive& l.original_rows& l.original_cols& l.gradient_exponent;
}

template <class Archive>
void serialize(Archive& archive, EpochMetrics& m, unsigned) {
  archive& m.epoch& m.loss& m.train_accuracy& m.test_accuracy& m.test_loss& m.learning_rate;
  archive& m.connections& m.alive_neurons& m.dropped& m.grown;
  archive& m.seconds_train& m.seconds_exchange& m.seconds_evaluate& m.seconds_rewire& m.seconds_checkpoint;
  archive& m.restarts& m.ranks& m.model_parts;
  archive& m.bytes_halo& m.bytes_weights& m.bytes_rewire& m.imbalance& m.memory& m.memory_peak;
}

template <class Archive>
void serialize(Archive& archive, TrainingPosition& p, unsigned) {
  archive& p.epoch& p.step& p.global_step& p.loss_sum& p.correct& p.restarts& p.seconds_train& p
      .seconds_exchange;
}

template <class Archive>
void serialize(Archive& archive, ModelSnapshot& s, unsigned) {
  archive& s.config_text& s.data_name& s.data_identity& s.instruction_set& s.fingerprint& s.position;
  archive& s.layers& s.history;
}

}  // namespace plexus
