#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "io/hdf5_handle.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

/// Calls `visit(name, member, units, meaning)` for every member of `EpochMetrics`, in order. The one list of
/// them: checkpoints, the index and metrics.jsonl go through it. A member is a count, a measurement or a list
/// of counts per layer.
template <class Visitor>
void for_each_metric(Visitor&& visit) {
  using M = EpochMetrics;
  visit("epoch", &M::epoch, "1", "epochs done");
  visit("loss", &M::loss, "1", "mean training loss over the epoch, each batch before its update");
  visit("train_accuracy", &M::train_accuracy, "1", "training accuracy over the epoch, with dropout");
  visit("test_accuracy", &M::test_accuracy, "1", "test accuracy after the last batch, before the rewiring");
  visit("test_loss", &M::test_loss, "1", "mean test loss after the last batch, before the rewiring");
  visit("learning_rate", &M::learning_rate, "1", "learning rate of the last step");
  visit("connections", &M::connections, "1", "connections per layer after the rewiring");
  visit("alive_neurons", &M::alive_neurons, "1", "neurons alive per layer after the rewiring, inputs first");
  visit("dropped", &M::dropped, "1", "connections removed per layer, those of pruned neurons included");
  visit("grown", &M::grown, "1", "connections added per layer");
  visit("seconds_train", &M::seconds_train, "s", "time to train");
  visit("seconds_exchange", &M::seconds_exchange, "s", "time waiting for other ranks, part of training");
  visit("seconds_evaluate", &M::seconds_evaluate, "s", "time to evaluate the test part");
  visit("seconds_rewire", &M::seconds_rewire, "s", "time to rewire");
  visit("seconds_checkpoint", &M::seconds_checkpoint, "s", "time training stood still for a checkpoint");
  visit("restarts", &M::restarts, "1", "how often the run had been resumed");
  visit("ranks", &M::ranks, "1", "ranks that trained the epoch");
  visit("model_parts", &M::model_parts, "1", "parts that held the network between them");
  visit("bytes_halo", &M::bytes_halo, "B",
        "activations and their gradients that a part got from others, the most");
  visit("bytes_weights", &M::bytes_weights, "B", "changed weights that a part got from others, the most");
  visit("bytes_rewire", &M::bytes_rewire, "B",
        "what a part sent to others for rewiring and pruning, the most");
  visit("imbalance", &M::imbalance, "1", "work of the part that has most, by the mean, after the rewiring");
  visit("memory", &M::memory, "B", "memory of the rank that has most, after the rewiring");
  visit("memory_peak", &M::memory_peak, "B",
        "the most memory that a rank has had at a time since it started");
}

/// Writes group `metrics`: a column per metric with one entry an epoch; metrics per layer are tables, epochs
/// x layers.
/// @throws Fault if two epochs have lists of different lengths.
void write_metrics(hdf5::Group& root, const std::vector<EpochMetrics>& history);

/// Reads what `write_metrics` wrote. Columns that files of an older version lack keep their defaults.
/// @throws Fault if columns differ in length.
[[nodiscard]] std::vector<EpochMetrics> read_metrics(const hdf5::Group& root);

}  // namespace plexus
