#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint_file.hpp"
#include "io/checkpoint_slices.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

/// Rows [begin, end) of a layer, connection by connection: the slow reference.
inline LayerSnapshot rows_of(const LayerSnapshot& layer, Index begin, Index end) {
  LayerSnapshot slice;
  slice.activation = layer.activation;
  slice.topology.cols = layer.topology.cols;
  slice.topology.generation = layer.topology.generation;
  slice.original_rows = layer.original_rows;
  slice.original_cols = layer.original_cols;
  slice.gradient_exponent = layer.gradient_exponent;
  slice.col_ids = layer.col_ids;
  slice.value_states.resize(layer.value_states.size());
  slice.bias_states.resize(layer.bias_states.size());
  const auto add = [&](Index col, std::size_t from) {
    slice.topology.col_idxs.push_back(col);
    slice.values.push_back(layer.values.at(from));
    for (std::size_t k = 0; k < layer.value_states.size(); ++k)
      slice.value_states[k].push_back(layer.value_states[k].at(from));
  };
  for (Index row = begin; row < end; ++row) {
    const auto r = static_cast<std::size_t>(row);
    if (layer.kind == LayerKind::dense) {
      for (Index col = 0; col < layer.topology.cols; ++col)
        add(col, r * static_cast<std::size_t>(layer.topology.cols) + static_cast<std::size_t>(col));
    } else {
      for (auto p = static_cast<std::size_t>(layer.topology.row_ptrs.at(r));
           p < static_cast<std::size_t>(layer.topology.row_ptrs.at(r + 1)); ++p)
        add(layer.topology.col_idxs[p], p);
    }
    ++slice.topology.rows;
    slice.topology.row_ptrs.push_back(slice.topology.connections());
    slice.biases.push_back(layer.biases.at(r));
    for (std::size_t k = 0; k < layer.bias_states.size(); ++k)
      slice.bias_states[k].push_back(layer.bias_states[k].at(r));
    slice.row_ids.push_back(layer.row_ids.at(r));
  }
  return slice;
}

/// All of the newest readable checkpoint of a run.
inline std::optional<ModelSnapshot> newest_of(const RunFiles& run, const Warn& warn) {
  const std::optional<FoundCheckpoint> found = find_newest(run, warn);
  if (!found.has_value()) return std::nullopt;
  return read_checkpoint(found->path);
}

inline SnapshotHead head_of(const ModelSnapshot& snapshot) {
  SnapshotHead head;
  for (const LayerSnapshot& layer : snapshot.layers) head.layers.push_back(head_of(layer));
  head.rest = snapshot;
  head.rest.layers.clear();
  return head;
}

/// Where the rows of a layer are cut for some parts: unevenly, and with parts that have none.
inline std::vector<Index> uneven_cuts(Index rows, int parts) {
  std::vector<Index> cuts = {0};
  for (int part = 1; part < parts; ++part)
    cuts.push_back(part % 2 == 0 ? cuts.back() : (cuts.back() + rows + 1) / 2);
  cuts.push_back(rows);
  return cuts;
}

/// Writes the slices of one part. @return its pieces
inline std::vector<WrittenPiece> write_part(const SliceFilePlan& plan, const ModelSnapshot& snapshot,
                                            int part, int parts) {
  SliceFileWriter writer;
  writer.open(head_of(snapshot), plan, part);
  for (std::size_t l = 0; l < snapshot.layers.size(); ++l) {
    const LayerSnapshot& layer = snapshot.layers[l];
    const std::vector<Index> cuts = uneven_cuts(layer.topology.rows, parts);
    const Index begin = cuts.at(static_cast<std::size_t>(part));
    const Offset first = rows_of(layer, 0, begin).topology.connections();
    writer.write(l, rows_of(layer, begin, cuts.at(static_cast<std::size_t>(part) + 1)), {begin, first});
  }
  return writer.close();
}

/// Writes a checkpoint in so many parts, one after the other, the last one first.
inline void write_in_parts(const std::filesystem::path& path, const ModelSnapshot& snapshot, int parts) {
  SlicedCheckpoint file(path, head_of(snapshot), "0.1.0");
  std::vector<WrittenPiece> pieces;
  for (int part = parts; part-- > 0;) {
    const std::vector<WrittenPiece> own = write_part(file.plan(), snapshot, part, parts);
    pieces.insert(pieces.end(), own.begin(), own.end());
  }
  file.publish(snapshot.fingerprint, std::move(pieces));
}

}  // namespace plexus
