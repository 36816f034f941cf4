#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "src/nn/sparse_layer.hpp"
#include "src/parts/parts.hpp"

namespace plexus {

/// Where the neurons of a layer and those of the layer before are cut: part p owns [rows[p], rows[p + 1]) and
/// [cols[p], cols[p + 1]).
struct LayerCuts {
  std::vector<Index> rows;
  std::vector<Index> cols;
};

/// What a rewiring does to one part's slice of a layer, and what the part must know of the rest of the layer.
struct SliceEdit {
  LayerEdit rows;                   ///< rows of the slice numbered from 0; columns are those of the layer
  std::vector<Index> removed_rows;  ///< of the whole layer, ascending, numbered as before the edit
  LayerCuts cuts;                   ///< after the edit
};

/// One part's share of a sparse layer: a slice of rows, for the forward pass, and a slice of columns, where
/// gradients arise and steps are taken. A connection is in one slice of each kind, often of different parts:
/// after a step the owners of columns send the weights to the owners of rows. No gradient travels between
/// parts.
///
/// Gradients, `connections` and the optimizer's state are those of the slice of columns; `state` is that of
/// the slice of rows, whose columns are the ones that it holds (`held_cols`).
class SlicedLayer final : public SparseLayer {
 public:
  /// Collective.
  /// @param slice        the own rows; their columns, and col_ids, are those of the whole layer
  /// @param all_columns  whether the values of all neurons of the layer before are held anyway
  /// @param all_rows     whether those of all neurons of the layer are
  SlicedLayer(Parts& parts, LayerSnapshot slice, LayerCuts cuts, bool all_columns, bool all_rows);

  [[nodiscard]] Offset connections() const override { return static_cast<Offset>(values_by_column_.size()); }
  /// Neurons of the layer before whose activations the forward pass reads, or that are own; ascending.
  [[nodiscard]] const std::vector<Index>& held_cols() const { return held_cols_; }
  /// Neurons of the layer whose gradients the backward pass reads, or that are own; ascending.
  [[nodiscard]] const std::vector<Index>& held_rows() const { return held_rows_; }
  [[nodiscard]] const LayerCuts& cuts() const { return cuts_; }

  /// Collective. The slice of rows with the optimizer's state, until the next step.
  [[nodiscard]] const LayerSnapshot& state() override;

  /// Collective. Sends weights that a step has changed on their way.
  void send_weights() override;
  /// Collective. The slice of rows has the weights that were sent.
  void receive_weights() override;
  /// Lets those that others send make progress, or waits until they are there.
  void poll() { static_cast<void>(messages_->poll()); }
  void wait() { messages_->wait_received(); }

  /// Collective. `state` with columns numbered as in the whole layer, and all its col_ids.
  [[nodiscard]] LayerSnapshot global_state(std::vector<NeuronId> col_ids);

  /// Of a step, in connections of one pass over the slices; a neuron counts like a few connections.
  [[nodiscard]] std::int64_t work() const;
  /// The same for each own neuron of the layer, and of the layer before.
  void add_row_work(std::vector<Offset>& work) const;
  void add_col_work(std::vector<Offset>& work) const;
  /// Bytes of weights that others have sent to this part since the last call.
  [[nodiscard]] std::int64_t take_bytes_received() { return std::exchange(bytes_received_, 0); }

  /// Independent. Numbers the columns of the slice of rows as in the whole layer, as rewiring wants them.
  /// @param col_ids  of the whole layer before
  void open(std::vector<NeuronId> col_ids);
  /// Collective. Changes the pattern of an open layer and closes it.
  void apply_slice(const SliceEdit& edit);

 private:
  /// What others read of the first slabs travels while the last are computed.
  [[nodiscard]] bool divides_slabs() const override { return false; }
  void before_steps() override { state_.value_states.clear(); }
  void sort_weights() override {}
  void edit_weights(const LayerEdit& edit) override;

  void fill_columns(std::vector<std::vector<Real>> row_states);
  void edit_columns(const SliceEdit& edit, std::vector<std::vector<std::byte>> messages);
  /// Numbers columns and rows as they are held and finds the ways of the weights.
  void close();
  void pack(const std::vector<Real>& by_column);
  void start_messages();
  void unpack(std::vector<Real>& by_row);

  Parts& parts_;
  LayerCuts cuts_;
  bool all_columns_;
  bool all_rows_;
  std::vector<Index> held_cols_;
  std::vector<Index> held_rows_;
  std::unique_ptr<PeerMessages> messages_;
  std::vector<Index> row_bounds_;  ///< places in held_rows_ where the rows of each part begin, and the end
  /// Of the slice of rows, in column order: positions in row order.
  std::vector<std::uint32_t> row_positions_;
  std::vector<Offset> received_bounds_;  ///< places there where the columns of each part begin
  std::vector<std::vector<Offset>>
      starts_;                           ///< by thread and part: its first place in what is sent to the part
  std::vector<std::vector<Real>> sent_;  ///< by part, the own one too
  std::int64_t bytes_received_ = 0;
  std::vector<std::vector<Real>> received_;  ///< by part
};

}  // namespace plexus
