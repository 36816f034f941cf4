#include "io/checkpoint_file.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint_layout.hpp"
#include "io/csr_group.hpp"
#include "io/run_files.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

void write_layer(hdf5::Group& layers, std::size_t number, const LayerSnapshot& layer) {
  const LayerHead head = head_of(layer);
  hdf5::Group group = create_layer(layers, number, head);
  for (const LayerArray& array : arrays_of(head)) {
    group.write_array(array.name, array.type, array.shape, bytes_of(layer, array).data(), array.meaning);
  }
}

/// An array with one entry a connection. Of a dense layer it is a matrix like W itself.
std::vector<Real> read_per_value(const hdf5::Group& group, const std::string& name, LayerKind kind) {
  if (kind == LayerKind::sparse) return group.read<Real>(name);
  return group.read_table<Real>(name).values;
}

std::vector<NeuronId> read_ids(const hdf5::Group& group, const std::string& name, Offset original) {
  std::vector<NeuronId> ids = group.read<NeuronId>(name);
  check_ids(ids, name, original);
  return ids;
}

LayerSnapshot read_layer(const hdf5::Group& group) {
  const LayerHead head = read_layer_head(group);
  LayerSnapshot layer;
  layer.kind = head.kind;
  layer.activation = head.activation;
  layer.original_rows = head.original_rows;
  layer.original_cols = head.original_cols;
  layer.gradient_exponent = head.gradient_exponent;
  if (layer.kind == LayerKind::sparse) {
    const hdf5::Group matrix = group.group("W");
    layer.topology = read_csr(matrix);
    layer.values = matrix.read<Real>("data");
  } else {
    layer.topology.rows = head.rows;
    layer.topology.cols = head.cols;
    layer.values = group.read_table<Real>("W").values;
  }
  layer.topology.generation = head.generation;
  layer.biases = group.read<Real>("bias");
  const hdf5::Group opt = group.group("opt");
  for (std::size_t k = 0; k < head.value_states; ++k) {
    layer.value_states.push_back(read_per_value(opt, fmt::format("values_{}", k), layer.kind));
  }
  for (std::size_t k = 0; k < head.bias_states; ++k) {
    layer.bias_states.push_back(opt.read<Real>(fmt::format("biases_{}", k)));
  }
  layer.row_ids = read_ids(group, "neuron_ids_out", layer.original_rows);
  layer.col_ids = read_ids(group, "neuron_ids_in", layer.original_cols);
  return layer;
}

ModelSnapshot read_snapshot(const hdf5::Group& root) {
  ModelSnapshot snapshot = read_rest(root);
  const hdf5::Group layers = root.group("layers");
  for (std::size_t i = 0; layers.has(layer_name(i)); ++i) {
    snapshot.layers.push_back(read_layer(layers.group(layer_name(i))));
    ensure(i == 0 || snapshot.layers[i].col_ids == snapshot.layers[i - 1].row_ids,
           "the columns of layer {} are not the rows of the layer before", i);
  }
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
  hdf5::write_file(path, checkpoint_format, code_version, [&](hdf5::Group& root) {
    root.set("fingerprint", snapshot.fingerprint);
    write_rest(root, snapshot);
    hdf5::Group layers = root.create_group("layers");
    for (std::size_t i = 0; i < snapshot.layers.size(); ++i) write_layer(layers, i, snapshot.layers[i]);
  });
}

ModelSnapshot read_checkpoint(const fs::path& path) {
  ModelSnapshot snapshot;
  hdf5::read_file(path, checkpoint_format, [&](const hdf5::Group& root) { snapshot = read_snapshot(root); });
  return snapshot;
}

LayerSnapshot read_checkpoint_layer(const fs::path& path, std::size_t layer) {
  LayerSnapshot found;
  hdf5::read_file(
      path, checkpoint_format,
      [&](const hdf5::Group& root) { found = read_layer(root.group("layers").group(layer_name(layer))); },
      hdf5::Seal::checked);
  return found;
}

}  // namespace plexus
