#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "src/nn/layer.hpp"
#include "src/sparse/column_tiles.hpp"
#include "src/sparse/transposed_index.hpp"

namespace plexus {

class RowWeights;
class TileWeights;
struct ThreadRange;
template <class Value>
class GroupSums;

/// A layer that stores its connections only. Memory and time are linear in connections and neurons.
///
/// The forward pass wants the connections row by row, the backward pass column by column. Weights and their
/// optimizer state are kept once, by column, where gradients arise and steps are taken; the forward pass
/// picks the weights of some rows together as it goes along. Gradients are in column order. `state_.values`
/// and `state_.value_states` are empty during training: `state` and `view` sort the weights for themselves.
///
/// Where rows have many connections in as much of the layer before as a cache holds, the forward pass goes
/// through tiles of columns, one after the other: the same sums in the same order.
///
/// Where slabs can be divided among threads, they go through both passes with slabs of their own, and their
/// sums of the gradient are added up afterwards: what a thread reads of a slab is then what it wrote there.
///
/// Where nearly every cell is stored (`KernelTuning::dense_density`), the forward pass spreads the weights of
/// some rows out and multiplies them as a dense matrix. The sums are the same: cells without a connection add
/// 0 x to them, and x is finite. Only where a product underflows to -0 may the sign of a sum that is zero
/// differ, which nothing that reads the sum tells apart.
class SparseLayer : public Layer {
 public:
  explicit SparseLayer(LayerSnapshot state);

  [[nodiscard]] Offset connections() const override { return state_.topology.connections(); }
  [[nodiscard]] const LayerSnapshot& state() override;
  [[nodiscard]] std::vector<Offset> gradient_order() const override;

  void forward_slabs(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const override;
  std::uint64_t backward(const Slabs& x, const Slabs& delta, Slabs* dx, const ExactGradient& use,
                         NeuronsDone done) override;
  std::uint64_t backward(const Slabs& x, const Slabs& delta, Slabs* dx, const FastGradient& use,
                         NeuronsDone done) override;

 protected:
  /// For a layer whose columns are still to be filled in.
  struct Columns {};
  SparseLayer(LayerSnapshot state, Columns) : Layer(std::move(state)) {}

  /// Whether the threads of a forward pass may take slabs of their own. If not, slabs become ready one after
  /// the other.
  [[nodiscard]] virtual bool divides_slabs() const { return true; }

  /// To be called when the pattern has changed.
  void cut_pattern();

  TransposedIndex transposed_;
  std::vector<Real> values_by_column_;
  std::vector<std::vector<Real>> states_by_column_;
  std::vector<Index> col_cuts_;  ///< columns of each thread

 private:
  void before_steps() override;
  [[nodiscard]] ParameterBlock weights(Offset first, Offset count) override;
  void sort_weights() override;
  void edit_weights(const LayerEdit& edit) override;
  /// To be called when the pattern of a whole layer has changed.
  void connect();
  /// Whether every cell is stored: the weights are then a dense matrix, row by row and column by column.
  [[nodiscard]] bool complete() const;
  [[nodiscard]] bool multiplies_densely() const;
  /// @param sorted  all weights in row order, or null
  [[nodiscard]] RowWeights row_weights(std::size_t thread, const Real* sorted) const;
  /// The weights of the rows in `block` with zeros where nothing is stored, row by row. Until the calling
  /// thread's next call.
  [[nodiscard]] const Real* spread_out(RowRange block, const Real* weights) const;
  /// Calls f(threads, slabs, sorted) for each thread's share of a forward pass: the rows of some threads, and
  /// all weights in the order of `places_`, or null where the thread has to pick its own.
  template <class F>
  void for_each_share(const Slabs& x, SlabRange slabs, F&& f) const;
  void dense_forward(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const;
  void sparse_forward(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const;
  void tiled_forward(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const;
  /// @param sorted  all weights in the order of the tiles, or null
  [[nodiscard]] TileWeights tile_weights(ThreadRange threads, const Real* sorted) const;
  /// What one tile adds to the rows of some threads, for slab `s`.
  void product_of_tile(Index tile, ThreadRange threads, const Real* weights, const Slabs& x, Slabs& z,
                       Index s, NeuronsDone done) const;

  template <class Value>
  std::uint64_t backward_by_column(const Slabs& x, const Slabs& delta, Slabs* dx,
                                   const GradientUse<Value>& use, NeuronsDone done);
  template <class Value>
  void backward_in_parts(const Slabs& x, const Slabs& delta, Slabs* dx, const GradientUse<Value>& use,
                         NeuronsDone done);
  template <class Value>
  std::uint64_t columns_with_step(const Slabs& x, const Slabs& delta, Slabs* dx,
                                  const GradientUse<Value>& use, RowRange cols, NeuronsDone done);
  template <class Value>
  std::uint64_t columns(const Slabs& x, const Slabs& delta, Slabs* dx, const GradientUse<Value>& use,
                        RowRange cols, SlabRange slabs, Value* sums, NeuronsDone done);
  template <class Value>
  [[nodiscard]] int backward_groups(const Slabs& delta) const;
  template <class Value>
  GroupSums<Value> sums_of_groups(const Slabs& x, const Slabs& delta, Slabs* dx, double scale, int groups,
                                  NeuronsDone done);
  std::uint64_t step_all(const OptimizerStep& step, const GroupSums<std::int64_t>& sums, double scale);
  std::uint64_t step_all(const OptimizerStep& step, const GroupSums<Real>& sums, double scale);

  std::vector<Index> row_cuts_;  ///< rows of each thread
  ColumnTiles tiles_;            ///< empty where they are not worth it
  // Where the forward pass finds weights: by a map, or, where it would take much memory, column by column.
  std::vector<std::uint32_t> places_;  ///< in row order, or in that of the tiles: places in column order
  /// By thread, but empty for the first: places in column order where each column goes on with its rows.
  std::vector<std::vector<std::uint32_t>> row_starts_;
  std::vector<Index> part_col_cuts_;  ///< columns of each thread, one part of the gradient after the other
};

}  // namespace plexus
