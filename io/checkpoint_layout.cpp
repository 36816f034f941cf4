#include "io/checkpoint_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <tuple>

#include "io/csr_group.hpp"
#include "io/metrics_table.hpp"
#include "io/run_files.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

/// Calls `visit(name, member)` for every member of `Position`, which is a `TrainingPosition`, const or not.
template <class Position, class Visitor>
void for_each_member(Position& at, Visitor&& visit) {
  visit("epoch", at.epoch);
  visit("step", at.step);
  visit("global_step", at.global_step);
  visit("loss_sum", at.loss_sum);
  visit("correct", at.correct);
  visit("restarts", at.restarts);
  visit("seconds_train", at.seconds_train);
  visit("seconds_exchange", at.seconds_exchange);
}

std::size_t length(Offset count) { return static_cast<std::size_t>(count); }

Index checked_size(std::size_t size) {
  ensure(size <= static_cast<std::size_t>(std::numeric_limits<Index>::max()),
         "a matrix has {} rows or columns", size);
  return static_cast<Index>(size);
}

/// A count that is stored as an attribute.
std::size_t count_in(const hdf5::Group& group, const std::string& name) {
  const auto count = group.number<std::int64_t>(name);
  ensure(count >= 0, "attribute '{}' is {}", name, count);
  return static_cast<std::size_t>(count);
}

}  // namespace

std::vector<LayerArray> arrays_of(const LayerHead& head) {
  using Member = LayerArray::Member;
  using hdf5::NumberType;
  const bool dense = head.kind == LayerKind::dense;
  const std::vector<std::size_t> per_row = {length(head.rows)};
  const std::vector<std::size_t> per_value =
      dense ? std::vector{length(head.rows), length(head.cols)} : std::vector{length(head.connections)};
  std::vector<LayerArray> arrays;
  if (!dense) {
    arrays.push_back(
        {Member::row_ptrs, 0, "W/indptr", NumberType::int64, {length(head.rows) + 1}, row_ptrs_meaning});
    arrays.push_back({Member::col_idxs, 0, "W/indices", NumberType::int32, per_value, col_idxs_meaning});
  }
  arrays.push_back(
      {Member::values, 0, dense ? "W" : "W/data", NumberType::float32, per_value, {"weights, y = W x"}});
  arrays.push_back({Member::biases, 0, "bias", NumberType::float32, per_row, {"bias of each row"}});
  for (std::size_t k = 0; k < head.value_states; ++k) {
    arrays.push_back({Member::value_state,
                      k,
                      fmt::format("opt/values_{}", k),
                      NumberType::float32,
                      per_value,
                      {"optimizer state of each weight"}});
  }
  for (std::size_t k = 0; k < head.bias_states; ++k) {
    arrays.push_back({Member::bias_state,
                      k,
                      fmt::format("opt/biases_{}", k),
                      NumberType::float32,
                      per_row,
                      {"optimizer state of each bias"}});
  }
  arrays.push_back(
      {Member::row_ids, 0, "neuron_ids_out", NumberType::int64, per_row, {"stable id of each row"}});
  arrays.push_back({Member::col_ids,
                    0,
                    "neuron_ids_in",
                    NumberType::int64,
                    {length(head.cols)},
                    {"stable id of each column"}});
  return arrays;
}

std::span<const std::byte> bytes_of(const LayerSnapshot& layer, const LayerArray& array) {
  using Member = LayerArray::Member;
  switch (array.member) {
    case Member::row_ptrs:
      return std::as_bytes(std::span(layer.topology.row_ptrs));
    case Member::col_idxs:
      return std::as_bytes(std::span(layer.topology.col_idxs));
    case Member::values:
      return std::as_bytes(std::span(layer.values));
    case Member::biases:
      return std::as_bytes(std::span(layer.biases));
    case Member::value_state:
      return std::as_bytes(std::span(layer.value_states.at(array.state)));
    case Member::bias_state:
      return std::as_bytes(std::span(layer.bias_states.at(array.state)));
    case Member::row_ids:
      return std::as_bytes(std::span(layer.row_ids));
    case Member::col_ids:
      break;
  }
  return std::as_bytes(std::span(layer.col_ids));
}

void write_rest(hdf5::Group& root, const ModelSnapshot& snapshot) {
  root.set("instruction_set", snapshot.instruction_set);
  root.create_group("config").write_text("toml", snapshot.config_text, {"resolved config of the run"});
  hdf5::Group data = root.create_group("data");
  data.set("name", snapshot.data_name);
  data.set("identity", snapshot.data_identity);
  hdf5::Group position = root.create_group("position");
  for_each_member(snapshot.position,
                  [&](const char* name, const auto& member) { position.set(name, member); });
  write_metrics(root, snapshot.history);
}

ModelSnapshot read_rest(const hdf5::Group& root) {
  ModelSnapshot snapshot;
  snapshot.config_text = root.group("config").read_text("toml");
  const hdf5::Group data = root.group("data");
  snapshot.data_name = data.text("name");
  snapshot.data_identity = data.number<std::uint64_t>("identity");
  snapshot.instruction_set = root.text("instruction_set");
  snapshot.fingerprint = root.number<std::uint64_t>("fingerprint");
  const hdf5::Group position = root.group("position");
  for_each_member(snapshot.position,
                  [&]<class T>(const char* name, T& member) { member = position.number<T>(name); });
  snapshot.history = read_metrics(root);
  return snapshot;
}

hdf5::Group create_layer(hdf5::Group& layers, std::size_t layer, const LayerHead& head) {
  hdf5::Group group = layers.create_group(layer_name(layer));
  group.set("kind", head.kind == LayerKind::dense ? "dense" : "sparse");
  group.set("activation", head.activation);
  group.set("original_rows", head.original_rows);
  group.set("original_cols", head.original_cols);
  group.set("gradient_exponent", std::int32_t{head.gradient_exponent});
  group.set("generation", head.generation);
  group.set("value_states", static_cast<std::int64_t>(head.value_states));
  group.set("bias_states", static_cast<std::int64_t>(head.bias_states));
  if (head.kind == LayerKind::sparse) (void)create_csr(group, "W", head.rows, head.cols);
  (void)group.create_group("opt");
  return group;
}

LayerHead read_layer_head(const hdf5::Group& group) {
  LayerHead head;
  const std::string kind = group.text("kind");
  ensure(kind == "dense" || kind == "sparse", "the layer is of kind '{}'", kind);
  head.kind = kind == "dense" ? LayerKind::dense : LayerKind::sparse;
  head.activation = group.text("activation");
  head.generation = group.number<std::uint64_t>("generation");
  head.original_rows = group.number<Offset>("original_rows");
  head.original_cols = group.number<Offset>("original_cols");
  head.gradient_exponent = group.number<std::int32_t>("gradient_exponent");
  head.value_states = count_in(group, "value_states");
  head.bias_states = count_in(group, "bias_states");
  if (head.kind == LayerKind::sparse) {
    const hdf5::Group matrix = group.group("W");
    std::tie(head.rows, head.cols) = csr_shape(matrix);
    head.connections = static_cast<Offset>(matrix.shape_of("data", hdf5::NumberType::float32, 1)[0]);
  } else {
    const std::vector<std::size_t> shape = group.shape_of("W", hdf5::NumberType::float32, 2);
    head.rows = checked_size(shape[0]);
    head.cols = checked_size(shape[1]);
    head.connections = static_cast<Offset>(head.rows) * head.cols;
  }
  for (const LayerArray& array : arrays_of(head)) {
    ensure(group.shape_of(array.name, array.type, array.shape.size()) == array.shape,
           "'{}' has not the size that the layer of {} x {} neurons and {} connections gives it", array.name,
           head.rows, head.cols, head.connections);
  }
  return head;
}

void check_ids(const std::vector<NeuronId>& ids, const std::string& name, Offset original) {
  const bool ascend = std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
  ensure(ids.empty() || (ascend && ids.front() >= 0 && ids.back() < original),
         "'{}' must ascend between 0 and {}, the neurons there were at first", name, original - 1);
}

}  // namespace plexus
