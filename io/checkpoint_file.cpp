#include "io/checkpoint_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "io/csr_group.hpp"
#include "io/hdf5_file.hpp"
#include "io/metrics_table.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

constexpr hdf5::FileFormat format{"plexus-checkpoint", "checkpoint"};

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

/// An array with one entry a connection. Of a dense layer it is a matrix like W itself.
void write_per_value(hdf5::Group& group, const std::string& name, const LayerSnapshot& layer,
                     const std::vector<Real>& values, std::string_view meaning) {
  if (layer.kind == LayerKind::dense) {
    group.write_table(name, values, static_cast<std::size_t>(layer.topology.rows),
                      static_cast<std::size_t>(layer.topology.cols), {meaning});
  } else {
    group.write(name, values, {meaning});
  }
}

void write_layer(hdf5::Group& group, const LayerSnapshot& layer) {
  group.set("kind", layer.kind == LayerKind::dense ? "dense" : "sparse");
  group.set("activation", layer.activation);
  group.set("original_rows", layer.original_rows);
  group.set("original_cols", layer.original_cols);
  group.set("gradient_exponent", std::int32_t{layer.gradient_exponent});
  group.set("generation", layer.topology.generation);
  group.set("value_states", static_cast<std::int64_t>(layer.value_states.size()));
  group.set("bias_states", static_cast<std::int64_t>(layer.bias_states.size()));

  const std::string_view weights = "weights, y = W x";
  if (layer.kind == LayerKind::dense) {
    write_per_value(group, "W", layer, layer.values, weights);
  } else {
    hdf5::Group matrix = write_csr(group, "W", layer.topology, hdf5::Storage::contiguous);
    write_per_value(matrix, "data", layer, layer.values, weights);
  }
  group.write("bias", layer.biases, {"bias of each row"});
  hdf5::Group opt = group.create_group("opt");
  for (std::size_t k = 0; k < layer.value_states.size(); ++k) {
    write_per_value(opt, fmt::format("values_{}", k), layer, layer.value_states[k],
                    "optimizer state of each weight");
  }
  for (std::size_t k = 0; k < layer.bias_states.size(); ++k) {
    opt.write(fmt::format("biases_{}", k), layer.bias_states[k], {"optimizer state of each bias"});
  }
  group.write("neuron_ids_out", layer.row_ids, {"stable id of each row"});
  group.write("neuron_ids_in", layer.col_ids, {"stable id of each column"});
}

/// What `write_per_value` wrote; the size must fit the layer.
std::vector<Real> read_per_value(const hdf5::Group& group, const std::string& name,
                                 const LayerSnapshot& layer) {
  if (layer.kind == LayerKind::sparse) {
    std::vector<Real> values = group.read<Real>(name);
    ensure(static_cast<Offset>(values.size()) == layer.topology.connections(),
           "'{}' has {} entries for {} connections", name, values.size(), layer.topology.connections());
    return values;
  }
  hdf5::Table<Real> table = group.read_table<Real>(name);
  ensure(table.rows == static_cast<std::size_t>(layer.topology.rows) &&
             table.cols == static_cast<std::size_t>(layer.topology.cols),
         "'{}' is {} x {} in a layer of {} x {}", name, table.rows, table.cols, layer.topology.rows,
         layer.topology.cols);
  return std::move(table.values);
}

std::vector<Real> read_per_row(const hdf5::Group& group, const std::string& name,
                               const LayerSnapshot& layer) {
  std::vector<Real> values = group.read<Real>(name);
  ensure(values.size() == static_cast<std::size_t>(layer.topology.rows), "'{}' has {} entries for {} rows",
         name, values.size(), layer.topology.rows);
  return values;
}

std::vector<NeuronId> read_ids(const hdf5::Group& group, const std::string& name, Index count,
                               Offset original) {
  std::vector<NeuronId> ids = group.read<NeuronId>(name);
  ensure(ids.size() == static_cast<std::size_t>(count), "'{}' has {} entries for {} neurons", name,
         ids.size(), count);
  const bool ascend = std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
  ensure(ids.empty() || (ascend && ids.front() >= 0 && ids.back() < original),
         "'{}' must ascend between 0 and {}, the neurons there were at first", name, original - 1);
  return ids;
}

LayerSnapshot read_layer(const hdf5::Group& group) {
  LayerSnapshot layer;
  const std::string kind = group.text("kind");
  ensure(kind == "dense" || kind == "sparse", "the layer is of kind '{}'", kind);
  layer.kind = kind == "dense" ? LayerKind::dense : LayerKind::sparse;
  layer.activation = group.text("activation");
  layer.original_rows = group.number<Offset>("original_rows");
  layer.original_cols = group.number<Offset>("original_cols");
  layer.gradient_exponent = group.number<std::int32_t>("gradient_exponent");

  if (layer.kind == LayerKind::sparse) {
    const hdf5::Group matrix = group.group("W");
    layer.topology = read_csr(matrix);
    layer.values = read_per_value(matrix, "data", layer);
  } else {
    hdf5::Table<Real> table = group.read_table<Real>("W");
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<Index>::max());
    ensure(table.rows <= most && table.cols <= most, "'W' is {} x {}", table.rows, table.cols);
    layer.topology.rows = static_cast<Index>(table.rows);
    layer.topology.cols = static_cast<Index>(table.cols);
    layer.values = std::move(table.values);
  }
  layer.topology.generation = group.number<std::uint64_t>("generation");
  layer.biases = read_per_row(group, "bias", layer);
  const hdf5::Group opt = group.group("opt");
  for (std::int64_t k = 0, count = group.number<std::int64_t>("value_states"); k < count; ++k) {
    layer.value_states.push_back(read_per_value(opt, fmt::format("values_{}", k), layer));
  }
  for (std::int64_t k = 0, count = group.number<std::int64_t>("bias_states"); k < count; ++k) {
    layer.bias_states.push_back(read_per_row(opt, fmt::format("biases_{}", k), layer));
  }
  layer.row_ids = read_ids(group, "neuron_ids_out", layer.topology.rows, layer.original_rows);
  layer.col_ids = read_ids(group, "neuron_ids_in", layer.topology.cols, layer.original_cols);
  return layer;
}

ModelSnapshot read_snapshot(const hdf5::Group& root) {
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
  const hdf5::Group layers = root.group("layers");
  for (std::size_t i = 0; layers.has(layer_name(i)); ++i) {
    snapshot.layers.push_back(read_layer(layers.group(layer_name(i))));
    ensure(i == 0 || snapshot.layers[i].col_ids == snapshot.layers[i - 1].row_ids,
           "the columns of layer {} are not the rows of the layer before", i);
  }
  snapshot.history = read_metrics(root);
  const std::uint64_t found = fingerprint(snapshot);
  ensure(found == snapshot.fingerprint, "the fingerprint of its content is {:016x}, stored is {:016x}", found,
         snapshot.fingerprint);
  return snapshot;
}

}  // namespace

void write_checkpoint(const fs::path& path, const ModelSnapshot& snapshot, std::string_view code_version) {
  const std::uint64_t found = fingerprint(snapshot);
  ensure(found == snapshot.fingerprint,
         "cannot write '{}': the fingerprint of the snapshot is {:016x}, not {:016x}", path.string(), found,
         snapshot.fingerprint);
  hdf5::write_file(path, format, code_version, [&](hdf5::Group& root) {
    root.set("fingerprint", snapshot.fingerprint);
    root.set("instruction_set", snapshot.instruction_set);
    root.create_group("config").write_text("toml", snapshot.config_text, {"resolved config of the run"});
    hdf5::Group data = root.create_group("data");
    data.set("name", snapshot.data_name);
    data.set("identity", snapshot.data_identity);
    hdf5::Group position = root.create_group("position");
    for_each_member(snapshot.position,
                    [&](const char* name, const auto& member) { position.set(name, member); });
    hdf5::Group layers = root.create_group("layers");
    for (std::size_t i = 0; i < snapshot.layers.size(); ++i) {
      hdf5::Group group = layers.create_group(layer_name(i));
      write_layer(group, snapshot.layers[i]);
    }
    write_metrics(root, snapshot.history);
  });
}

ModelSnapshot read_checkpoint(const fs::path& path) {
  ModelSnapshot snapshot;
  hdf5::read_file(path, format, [&](const hdf5::Group& root) { snapshot = read_snapshot(root); });
  return snapshot;
}

std::optional<ModelSnapshot> load_newest(const RunFiles& run, const Warn& warn) {
  const std::vector<CheckpointFile> files = checkpoints_in(run);
  std::vector<std::string> problems;
  for (const auto& file : files) {
    const fs::path path = run.checkpoints() / file.file_name();
    try {
      ModelSnapshot snapshot = read_checkpoint(path);
      for (const auto& problem : problems) warn(fmt::format("{}; using '{}'", problem, path.string()));
      return snapshot;
    } catch (const InputError& error) {
      problems.emplace_back(error.what());
    }
  }
  require(
      files.empty(),
      "none of the {} checkpoints in '{}' can be read (the newest: {}). Choose another --out to start again.",
      files.size(), run.checkpoints().string(), problems.empty() ? "" : problems.front());
  return std::nullopt;
}

ModelSnapshot load_checkpoint(const fs::path& path, const Warn& warn) {
  if (!fs::is_directory(path)) return read_checkpoint(path);
  std::optional<ModelSnapshot> newest = load_newest({path}, warn);
  require(newest.has_value(),
          "'{}' has no checkpoint in its folder ckpt. Name a run directory or a checkpoint file.",
          path.string());
  return std::move(*newest);
}

}  // namespace plexus
