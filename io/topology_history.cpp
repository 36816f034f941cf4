#include "io/topology_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "io/csr_group.hpp"
#include "io/hdf5_file.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

constexpr hdf5::FileFormat format{"plexus-topology", "topology record"};
constexpr std::int64_t no_base = -1;

/// Calls `read(group of the layer)`.
void read_layer_of(const fs::path& path, std::size_t layer,
                   const std::function<void(const hdf5::Group&)>& read) {
  hdf5::read_file(path, format, [&](const hdf5::Group& root) {
    const hdf5::Group layers = root.group("layers");
    ensure(layers.has(layer_name(layer)), "it has no layer {}", layer);
    read(layers.group(layer_name(layer)));
  });
}

/// Epoch of the newest base of each layer as the record of `epoch` knows it; empty where that record cannot
/// tell.
std::vector<std::int64_t> base_epochs(const RunFiles& run, std::int64_t epoch) {
  std::vector<std::int64_t> bases;
  if (!fs::exists(run.topology(epoch))) return bases;
  try {
    hdf5::read_file(run.topology(epoch), format, [&](const hdf5::Group& root) {
      const hdf5::Group layers = root.group("layers");
      for (std::size_t i = 0; layers.has(layer_name(i)); ++i) {
        bases.push_back(layers.group(layer_name(i)).number<std::int64_t>("base_epoch"));
      }
    });
  } catch (const InputError&) {  // damaged: whoever replays the history is told, up to the next base
    bases.clear();
  }
  return bases;
}

/// @param bases  as the record before knows them
void write_layer(hdf5::Group& layers, std::size_t number, const LayerHistory& layer, std::int64_t epoch,
                 const std::vector<std::int64_t>& bases) {
  using hdf5::Storage;
  const std::int64_t base_epoch = layer.base ? epoch : (number < bases.size() ? bases[number] : no_base);
  hdf5::Group group = layers.create_group(layer_name(number));
  group.set("base_epoch", base_epoch);
  group.set("connections", layer.connections);
  group.set("pattern_hash", layer.pattern_hash);
  group.set("original_rows", layer.original_rows);
  group.set("original_cols", layer.original_cols);
  group.write("dropped_index", layer.dropped,
              {"connections removed: positions among those of the epoch before, sorted by (row, column) id"},
              Storage::compressed);
  group.write("added_row", layer.added_rows, {"row id of each connection added, sorted by (row, column)"},
              Storage::compressed);
  group.write("added_col", layer.added_cols, {"column id of each connection added"}, Storage::compressed);
  group.write("pruned_ids", layer.pruned_rows, {"ids of the neurons of this layer that were removed"},
              Storage::compressed);
  if (layer.base) write_csr(group, "W_pattern", *layer.base, Storage::compressed);
}

LayerHistory read_layer(const hdf5::Group& group) {
  LayerHistory layer;
  layer.connections = group.number<Offset>("connections");
  layer.pattern_hash = group.number<std::uint64_t>("pattern_hash");
  layer.original_rows = group.number<Offset>("original_rows");
  layer.original_cols = group.number<Offset>("original_cols");
  layer.dropped = group.read<Offset>("dropped_index");
  layer.added_rows = group.read<NeuronId>("added_row");
  layer.added_cols = group.read<NeuronId>("added_col");
  layer.pruned_rows = group.read<NeuronId>("pruned_ids");
  ensure(layer.added_rows.size() == layer.added_cols.size(), "{} rows and {} columns of added connections",
         layer.added_rows.size(), layer.added_cols.size());
  if (group.has("W_pattern")) layer.base = read_csr(group.group("W_pattern"));
  return layer;
}

/// `before` without the dropped and with the added connections.
Topology replayed(const Topology& before, const LayerHistory& edit) {
  // A connection as one number, so that (row, column) order is the order of numbers.
  const auto key = [&](NeuronId row, NeuronId col) { return row * before.cols + col; };
  std::vector<std::int64_t> kept;
  std::size_t next_dropped = 0;
  Offset position = 0;
  for (Index row = 0; row < before.rows; ++row) {
    for (; position < before.row_ptrs[static_cast<std::size_t>(row) + 1]; ++position) {
      if (next_dropped < edit.dropped.size() && edit.dropped[next_dropped] == position) {
        ++next_dropped;
      } else {
        kept.push_back(key(row, before.col_idxs[static_cast<std::size_t>(position)]));
      }
    }
  }
  ensure(next_dropped == edit.dropped.size(), "a dropped position is out of range or order");

  std::vector<std::int64_t> added;
  for (std::size_t i = 0; i < edit.added_rows.size(); ++i) {
    const NeuronId row = edit.added_rows[i], col = edit.added_cols[i];
    ensure(row >= 0 && row < before.rows && col >= 0 && col < before.cols,
           "added connection ({}, {}) is out of range", row, col);
    added.push_back(key(row, col));
  }
  std::vector<std::int64_t> all(kept.size() + added.size());
  std::merge(kept.begin(), kept.end(), added.begin(), added.end(), all.begin());

  Topology after;
  after.rows = before.rows;
  after.cols = before.cols;
  after.row_ptrs.assign(static_cast<std::size_t>(after.rows) + 1, 0);
  for (const std::int64_t cell : all) {
    ++after.row_ptrs[static_cast<std::size_t>(cell / after.cols) + 1];
    after.col_idxs.push_back(static_cast<Index>(cell % after.cols));
  }
  for (std::size_t row = 1; row < after.row_ptrs.size(); ++row)
    after.row_ptrs[row] += after.row_ptrs[row - 1];
  check(after);  // an added connection that existed stands there twice
  return after;
}

void check_hash(const Topology& pattern, const LayerHistory& layer) {
  ensure(pattern.connections() == layer.connections && pattern_hash(pattern) == layer.pattern_hash,
         "the pattern replayed up to it has {} connections and hash {:016x}, stored are {} and {:016x}",
         pattern.connections(), pattern_hash(pattern), layer.connections, layer.pattern_hash);
}

}  // namespace

void write_topology_record(const RunFiles& run, const TopologyRecord& record, std::string_view code_version) {
  const std::vector<std::int64_t> before = base_epochs(run, record.epoch - 1);
  hdf5::write_file(run.topology(record.epoch), format, code_version, [&](hdf5::Group& root) {
    root.set("epoch", record.epoch);
    hdf5::Group layers = root.create_group("layers");
    for (std::size_t i = 0; i < record.layers.size(); ++i)
      write_layer(layers, i, record.layers[i], record.epoch, before);
  });
}

TopologyRecordFile::TopologyRecordFile(const RunFiles& run, std::int64_t epoch, std::string_view code_version)
    : epoch_(epoch),
      bases_before_(base_epochs(run, epoch - 1)),
      file_(run.topology(epoch), format, code_version, [&](hdf5::Group& root) {
        root.set("epoch", epoch);
        (void)root.create_group("layers");
      }) {}

void TopologyRecordFile::add(const LayerHistory& layer) {
  file_.add([&](hdf5::Group& root) {
    hdf5::Group layers = root.group("layers");
    write_layer(layers, layers_, layer, epoch_, bases_before_);
  });
  ++layers_;
}

void TopologyRecordFile::publish() {
  file_.publish([](hdf5::Group&) {}, hdf5::StagedFile::ReadBack::wanted);
}

TopologyRecord read_topology_record(const fs::path& path) {
  TopologyRecord record;
  hdf5::read_file(path, format, [&](const hdf5::Group& root) {
    record.epoch = root.number<std::int64_t>("epoch");
    const hdf5::Group layers = root.group("layers");
    for (std::size_t i = 0; layers.has(layer_name(i)); ++i) {
      record.layers.push_back(read_layer(layers.group(layer_name(i))));
    }
  });
  return record;
}

Topology topology_at(const RunFiles& run, std::size_t layer, std::int64_t epoch) {
  std::int64_t base_epoch = no_base;
  read_layer_of(run.topology(epoch), layer,
                [&](const hdf5::Group& group) { base_epoch = group.number<std::int64_t>("base_epoch"); });
  require(base_epoch >= 0 && base_epoch <= epoch,
          "the pattern of layer {} after epoch {} is not known: '{}' follows no base (the layer is dense, or "
          "an earlier record "
          "could not be written).",
          layer, epoch, run.topology(epoch).string());
  Topology pattern;
  for (std::int64_t at = base_epoch; at <= epoch; ++at) {
    read_layer_of(run.topology(at), layer, [&](const hdf5::Group& group) {
      LayerHistory history = read_layer(group);
      if (at == base_epoch) {
        ensure(history.base.has_value(), "it should hold the base of layer {}", layer);
        pattern = std::move(*history.base);
      } else {
        pattern = replayed(pattern, history);
      }
      check_hash(pattern, history);
    });
  }
  return pattern;
}

}  // namespace plexus
