#include "io/summary.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "io/durable_file.hpp"
#include "src/support/error.hpp"
#include "src/support/median.hpp"

namespace plexus {

namespace {

/// Calls `visit(name, member)` for every member of `Summary`, which is a `RunSummary`, const or not.
template <class Summary, class Visitor>
void for_each_member(Summary& summary, Visitor&& visit) {
  visit("test_accuracy", summary.test_accuracy);
  visit("best_test_accuracy", summary.best_test_accuracy);
  visit("epochs", summary.epochs);
  visit("connections", summary.connections);
  visit("connections_per_layer", summary.connections_per_layer);
  visit("alive_neurons", summary.alive_neurons);
  visit("pruned_share", summary.pruned_share);
  visit("fingerprint", summary.fingerprint);
  visit("ranks", summary.ranks);
  visit("threads", summary.threads);
  visit("seconds_per_epoch", summary.seconds_per_epoch);
  visit("seconds_rewire", summary.seconds_rewire);
  visit("peak_memory_bytes", summary.peak_memory_bytes);
  visit("exactness", summary.exactness);
  visit("instruction_set", summary.instruction_set);
  visit("restarts", summary.restarts);
  visit("data_name", summary.data_name);
}

double median_of(const std::vector<EpochMetrics>& history, double EpochMetrics::*member) {
  std::vector<double> values;
  for (const auto& epoch : history) values.push_back(epoch.*member);
  return median(std::move(values));
}

}  // namespace

RunSummary summary_of(const SnapshotHead& head) {
  const ModelSnapshot& snapshot = head.rest;
  const std::vector<LayerHead>& layers = head.layers;
  RunSummary summary;
  summary.epochs = snapshot.position.epoch;
  summary.restarts = snapshot.position.restarts;
  summary.instruction_set = snapshot.instruction_set;
  summary.data_name = snapshot.data_name;
  summary.fingerprint = fmt::format("{:016x}", snapshot.fingerprint);
  if (!snapshot.history.empty()) summary.test_accuracy = snapshot.history.back().test_accuracy;
  for (const auto& epoch : snapshot.history) {
    summary.best_test_accuracy = std::max(summary.best_test_accuracy, epoch.test_accuracy);
  }
  summary.seconds_per_epoch = median_of(snapshot.history, &EpochMetrics::seconds_train);
  summary.seconds_rewire = median_of(snapshot.history, &EpochMetrics::seconds_rewire);

  if (!layers.empty()) summary.alive_neurons.push_back(layers.front().cols);
  Offset hidden = 0, hidden_alive = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerHead& layer = layers[i];
    summary.connections_per_layer.push_back(layer.connections);
    summary.connections += layer.connections;
    summary.alive_neurons.push_back(layer.rows);
    if (i + 1 < layers.size()) {
      hidden += layer.original_rows;
      hidden_alive += layer.rows;
    }
  }
  if (hidden > 0)
    summary.pruned_share = 1.0 - static_cast<double>(hidden_alive) / static_cast<double>(hidden);
  return summary;
}

void write_summary(const std::filesystem::path& path, const RunSummary& summary) {
  nlohmann::ordered_json json;
  for_each_member(summary, [&](const char* name, const auto& member) { json[name] = member; });
  write_text_durably(path, json.dump(2) + "\n");
}

RunSummary read_summary(const std::filesystem::path& path) {
  RunSummary summary;
  try {
    const auto json = nlohmann::json::parse(read_text(path));
    for_each_member(summary, [&](const char* name, auto& member) { json.at(name).get_to(member); });
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("'{}' is no summary of a run: {}", path.string(), error.what()));
  }
  return summary;
}

}  // namespace plexus
