#include "src/nn/sparse_layer.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <type_traits>
#include <utility>

#include "src/nn/group_sums.hpp"
#include "src/nn/kernel_tuning.hpp"
#include "src/nn/row_weights.hpp"
#include "src/nn/slab_groups.hpp"
#include "src/nn/tile_weights.hpp"
#include "src/support/heap.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Bytes of a slab beyond which the backward pass asks early for its lines; the forward pass gains by that
/// only later (`KernelTuning::near_bytes`). Measured: from 2.5 MB on.
constexpr Offset near_bytes_backward = Offset{2} << 20;
/// Connections and neurons that are worked on together: what is made of them is still in the L1 cache
/// afterwards.
constexpr Offset block_connections = 1024;
constexpr Index block_neurons = 64;
/// Connections whose weights or sums are kept while one slab after the other is worked on.
constexpr Offset kept_connections = Offset{128} << 10;
/// Connections up to which groups of threads take slabs of their own in a backward pass that steps at once.
/// Each group needs room for their sums; layers of 300,000 connections were faster for it, those of 800,000
/// slower.
constexpr Offset grouped_connections = Offset{512} << 10;
/// Connections from which on groups of threads pick the weights for a forward pass together. Measured.
constexpr Offset least_picked_together = Offset{32} << 10;
/// Neurons of a layer and of the one before it from which on slabs of their own save more in a backward pass
/// than it costs to add up the sums of all. Measured.
constexpr Index least_grouped_neurons = 500;
/// Connections of a column whose weights are picked together where there is no map, two cache lines of them,
/// as long as they are not too many in all.
constexpr Offset entries_of_column = 32;
constexpr Offset most_picked = Offset{16} << 20;
/// Rows of a dense product that are worked on together: a multiple of what the kernels take at a time.
constexpr Index dense_block_rows = 12;
/// Bytes of a slab that a kernel still reads at random from the L1 cache, as fast as any dense product: 128
/// neurons.
constexpr Offset nearest_bytes = Offset{32} << 10;

Offset bytes_of_slab(const Slabs& slabs) { return slab_bytes(slabs.neurons(), slabs.lines_per_slab()); }

Reach reach_of(const Slabs& slabs, Offset near_bytes) {
  return bytes_of_slab(slabs) > near_bytes ? Reach::far : Reach::near;
}

/// Slabs that stay in the cache together.
Index slabs_at_once(const Slabs& slabs) {
  constexpr Offset most = 1 << 20;  // more than any batch has
  const Offset fitting = kernel_tuning().cached_bytes / std::max<Offset>(1, bytes_of_slab(slabs));
  return static_cast<Index>(std::clamp<Offset>(fitting, 1, most));
}

/// End of the rows from `begin` on that have not more than `connections` together; one has more if need be.
Index stretch_end(const std::vector<Offset>& row_ptrs, Index begin, Index end, Offset connections) {
  const auto first = row_ptrs.begin() + begin;
  const auto last = std::upper_bound(first + 1, row_ptrs.begin() + end + 1, *first + connections);
  return std::max(begin + 1, static_cast<Index>(last - row_ptrs.begin()) - 1);
}

/// End of the block that begins at row `begin` of a CSR structure.
Index block_end(const std::vector<Offset>& row_ptrs, Index begin, Index end) {
  const Offset limit = row_ptrs[static_cast<std::size_t>(begin)] + block_connections;
  const Index last = std::min(end, begin + block_neurons);
  Index next = begin + 1;
  while (next < last && row_ptrs[static_cast<std::size_t>(next) + 1] <= limit) ++next;
  return next;
}

void sparse_backward(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x, SlabView dx,
                     Reach reach, double scale, Output output, std::int64_t* gradient) {
  kernels().sparse_backward_exact(by_col, cols, delta, x, dx, reach, scale, output, gradient);
}

void sparse_backward(CsrView by_col, RowRange cols, ConstSlabView delta, ConstSlabView x, SlabView dx,
                     Reach reach, double, Output output, Real* gradient) {
  kernels().sparse_backward_fast(by_col, cols, delta, x, dx, reach, output, gradient);
}

}  // namespace

SparseLayer::SparseLayer(LayerSnapshot state)
    : Layer(std::move(state)), transposed_(transposed(state_.topology)) {
  values_by_column_ = in_column_order(std::exchange(state_.values, {}), state_.topology, transposed_);
  for (auto& states : state_.value_states)
    states_by_column_.push_back(in_column_order(std::exchange(states, {}), state_.topology, transposed_));
  state_.value_states.clear();
  connect();
}

void SparseLayer::connect() {
  cut_pattern();
  row_starts_.clear();
  tiles_ = {};
  const Index tile_cols = ColumnTiles::worthwhile_cols(
      rows(), cols(), connections(), kernel_tuning().cached_bytes, kernel_tuning().tile_run);
  if (tile_cols > 0 && !multiplies_densely())
    tiles_ = ColumnTiles(state_.topology, transposed_, tile_cols, row_cuts_);
  if (connections() <= kernel_tuning().mapped_connections) {
    column_places(state_.topology, transposed_, places_);
    if (!tiles_.empty()) places_ = tiles_.in_tile_order(places_, state_.topology);
    return;
  }
  give_back(places_);
  row_starts_.resize(row_cuts_.size() - 1);
  for_each_part(static_cast<int>(row_starts_.size()), [&](int thread) {
    if (thread == 0) return;
    const auto t = static_cast<std::size_t>(thread);
    row_starts_[t] = places_from(transposed_.col_ptrs, transposed_.row_idxs, row_cuts_[t]);
  });
}

void SparseLayer::cut_pattern() {
  row_cuts_ = balanced_cuts(state_.topology.row_ptrs, thread_count());
  col_cuts_ = balanced_cuts(transposed_.col_ptrs, thread_count());
  part_col_cuts_ = balanced_cuts(transposed_.col_ptrs, parts_of_weights() * thread_count());
  std::vector<Offset> weight_cuts;
  for (std::size_t i = 0; i < part_col_cuts_.size(); i += static_cast<std::size_t>(thread_count())) {
    weight_cuts.push_back(transposed_.col_ptrs[static_cast<std::size_t>(part_col_cuts_[i])]);
  }
  cut_gradient(weight_cuts);
}

void SparseLayer::sort_weights() {
  if (state_.values.empty()) state_.values = in_row_order(values_by_column_, state_.topology, transposed_);
}

const LayerSnapshot& SparseLayer::state() {
  sort_weights();
  if (state_.value_states.empty()) {
    for (const auto& states : states_by_column_)
      state_.value_states.push_back(in_row_order(states, state_.topology, transposed_));
  }
  return state_;
}

void SparseLayer::before_steps() {
  give_back(state_.values);
  state_.value_states.clear();
}

std::vector<Offset> SparseLayer::gradient_order() const {
  const std::vector<std::uint32_t> positions = row_positions(state_.topology, transposed_);
  return {positions.begin(), positions.end()};
}

ParameterBlock SparseLayer::weights(Offset first, Offset count) {
  return block_of(values_by_column_, states_by_column_, first, count);
}

bool SparseLayer::complete() const { return state_.topology.connections() == state_.topology.cells(); }

bool SparseLayer::multiplies_densely() const {
  const Topology& t = state_.topology;
  const double density = static_cast<double>(t.connections()) / static_cast<double>(t.cells());
  return complete() ||
         (density >= kernel_tuning().dense_density && slab_bytes(cols(), slab_lines) > nearest_bytes);
}

void SparseLayer::forward_slabs(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const {
  z.resize(x.lines(), rows(), x.lines_per_slab());
  if (!tiles_.empty()) {
    tiled_forward(x, z, slabs, done);
  } else if (multiplies_densely()) {
    dense_forward(x, z, slabs, done);
  } else {
    sparse_forward(x, z, slabs, done);
  }
}

RowWeights SparseLayer::row_weights(std::size_t thread, const Real* sorted) const {
  if (sorted != nullptr) return {state_.topology, sorted};
  if (!state_.values.empty() || state_.topology.connections() == 0)
    return {state_.topology, state_.values.data()};
  if (!places_.empty()) return {state_.topology, values_by_column_, places_.data()};
  thread_local std::vector<std::uint32_t> next;
  if (thread == 0) {
    next.assign(transposed_.col_ptrs.begin(), transposed_.col_ptrs.end());
  } else {
    next.assign(row_starts_[thread].begin(), row_starts_[thread].end());
  }
  return {state_.topology, values_by_column_, transposed_, next.data()};
}

const Real* SparseLayer::spread_out(RowRange block, const Real* weights) const {
  if (complete()) return weights;
  const Offset* row_ptrs = state_.topology.row_ptrs.data();
  thread_local std::vector<Real> cells;
  cells.assign(static_cast<std::size_t>(block.end - block.begin) * static_cast<std::size_t>(cols()), Real{0});
  for (Index row = block.begin; row < block.end; ++row) {
    Real* out = cells.data() + static_cast<Offset>(row - block.begin) * cols();
    for (Offset p = row_ptrs[row]; p < row_ptrs[row + 1]; ++p)
      out[state_.topology.col_idxs[static_cast<std::size_t>(p)]] = *weights++;
  }
  return cells.data();
}

template <class F>
void SparseLayer::for_each_share(const Slabs& x, SlabRange slabs, F&& f) const {
  const int threads = static_cast<int>(row_cuts_.size()) - 1;
  // Weights that are picked column by column begin at the rows of a thread.
  const int groups = divides_slabs() && row_starts_.empty() ? slab_groups(x, slabs, threads) : 1;
  const int parts_of_rows = threads / groups;
  // Each group needs the weights of all rows: to pick them together saves time where they are many.
  thread_local std::vector<Real> memory;
  std::vector<Real>& sorted = memory;  // the calling thread's, for all
  const bool in_order = tiles_.empty() && !state_.values.empty();
  const bool together = groups > 1 && !places_.empty() && !in_order && connections() >= least_picked_together;
  if (together) {
    if (static_cast<Offset>(sorted.size()) < connections())
      sorted.resize(static_cast<std::size_t>(connections()));
    parallel_over(connections(), least_part, [&](Offset begin, Offset end) {
      pick_weights(places_.data() + begin, values_by_column_.data(), end - begin, sorted.data() + begin);
    });
  }
  for_each_part(threads, [&](int thread) {
    const auto first = static_cast<std::size_t>(thread % parts_of_rows * groups);
    f(ThreadRange{first, first + static_cast<std::size_t>(groups)},
      slabs_of_group(slabs, thread / parts_of_rows, groups), together ? sorted.data() : nullptr);
  });
}

void SparseLayer::dense_forward(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const {
  for_each_share(x, slabs, [&](ThreadRange threads, SlabRange own, const Real* sorted) {
    const RowRange rows{row_cuts_[threads.begin], row_cuts_[threads.end]};
    RowWeights weights = row_weights(threads.begin, sorted);
    for (RowRange block{rows.begin, rows.begin}; block.begin < rows.end; block.begin = block.end) {
      block.end = std::min(rows.end, block.begin + dense_block_rows);
      const DenseView w{spread_out(block, weights.of(block)), cols()};
      const RowRange all{0, block.end - block.begin};
      for (Index s = own.begin; s < own.end; ++s) {
        const SlabView out{z.own(s).neuron(block.begin), z.own(s).lines};
        kernels().dense_product(w, all, state_.biases.data() + block.begin, x.slab(s), out);
        done(s, block);
      }
    }
  });
}

void SparseLayer::sparse_forward(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const {
  const Topology& topology = state_.topology;
  const Reach reach = reach_of(x, kernel_tuning().near_bytes);
  // The more weights are picked together, the more of a cache line of them is used while it is near; without
  // a map only still more are worth it.
  const Offset stretch_connections =
      row_starts_.empty() ? kept_connections
                          : std::clamp(entries_of_column * cols(), kept_connections, most_picked);
  for_each_share(x, slabs, [&](ThreadRange threads, SlabRange own, const Real* sorted) {
    const RowRange rows{row_cuts_[threads.begin], row_cuts_[threads.end]};
    RowWeights weights = row_weights(threads.begin, sorted);
    for (RowRange stretch{rows.begin, rows.begin}; stretch.begin < rows.end; stretch.begin = stretch.end) {
      stretch.end = stretch_end(topology.row_ptrs, stretch.begin, rows.end, stretch_connections);
      const Real* of_stretch = weights.of(stretch);
      for (Index s = own.begin; s < own.end; ++s) {
        const Real* next = of_stretch;
        for (RowRange block{stretch.begin, stretch.begin}; block.begin < stretch.end;
             block.begin = block.end) {
          block.end = block_end(topology.row_ptrs, block.begin, stretch.end);
          const CsrView w{topology.row_ptrs.data(), topology.col_idxs.data(), next};
          kernels().sparse_product(w, block, state_.biases.data(), x.slab(s), z.own(s), reach);
          done(s, block);
          next += topology.row_ptrs[static_cast<std::size_t>(block.end)] -
                  topology.row_ptrs[static_cast<std::size_t>(block.begin)];
        }
      }
    }
  });
}

TileWeights SparseLayer::tile_weights(ThreadRange threads, const Real* sorted) const {
  if (sorted != nullptr) return {tiles_, threads, sorted};
  if (!places_.empty()) return {tiles_, threads, values_by_column_.data(), places_.data()};
  return {tiles_, threads.begin, values_by_column_.data(), transposed_, row_starts_};
}

void SparseLayer::tiled_forward(const Slabs& x, Slabs& z, SlabRange slabs, NeuronsDone done) const {
  for_each_share(x, slabs, [&](ThreadRange threads, SlabRange own, const Real* sorted) {
    TileWeights weights = tile_weights(threads, sorted);
    Index end = 0;
    for (Index first = 0; first < tiles_.tiles(); first = end) {
      end = weights.pick_from(first, kept_connections);
      for (Index s = own.begin; s < own.end; ++s) {
        for (Index tile = first; tile < end; ++tile)
          product_of_tile(tile, threads, weights.of(tile), x, z, s, done);
      }
    }
  });
}

void SparseLayer::product_of_tile(Index tile, ThreadRange threads, const Real* weights, const Slabs& x,
                                  Slabs& z, Index s, NeuronsDone done) const {
  const ConstSlabView of_tile{x.slab(s).neuron(tiles_.first_col(tile)), x.slab(s).lines};
  const Real* biases = tile == 0 ? state_.biases.data() : nullptr;
  const Reach reach = reach_of(z, kernel_tuning().cached_bytes);
  const std::uint16_t* cols = tiles_.cols() + tiles_.first(tile, threads.begin);
  for (std::size_t thread = threads.begin; thread < threads.end; ++thread) {
    const RowRange rows = tiles_.rows_of(thread);
    for (RowRange block{rows.begin, 0}; block.begin < rows.end; block.begin = block.end) {
      block.end = std::min(rows.end, block.begin + ColumnTiles::block_rows);
      const Index count = block.end - block.begin;
      const std::uint16_t* counts = tiles_.counts(tile) + block.begin;
      const SlabView out{z.own(s).neuron(block.begin), z.own(s).lines};
      kernels().sparse_product_of_tile({tiles_.rows(tile) + block.begin, counts, cols, weights}, count,
                                       biases == nullptr ? nullptr : biases + block.begin, of_tile, out,
                                       reach);
      if (tile + 1 == tiles_.tiles()) done(s, block);
      const auto connections = std::accumulate(counts, counts + count, Offset{0});
      cols += connections;
      weights += connections;
    }
  }
}

std::uint64_t SparseLayer::backward(const Slabs& x, const Slabs& delta, Slabs* dx, const ExactGradient& use,
                                    NeuronsDone done) {
  return backward_by_column(x, delta, dx, use, done);
}

std::uint64_t SparseLayer::backward(const Slabs& x, const Slabs& delta, Slabs* dx, const FastGradient& use,
                                    NeuronsDone done) {
  return backward_by_column(x, delta, dx, use, done);
}

template <class Value>
std::uint64_t SparseLayer::backward_by_column(const Slabs& x, const Slabs& delta, Slabs* dx,
                                              const GradientUse<Value>& use, NeuronsDone done) {
  if (dx != nullptr) {
    const auto own_cols = static_cast<Index>(transposed_.col_ptrs.size()) - 1;
    dx->resize(delta.lines(), own_cols, delta.lines_per_slab());
  }
  if (delta.lines() == 0) return no_samples(use);
  if (use.sink != nullptr) {
    backward_in_parts(x, delta, dx, use, done);
    return 0;
  }
  if (const int groups = backward_groups<Value>(delta); groups > 1) {
    const auto sums = sums_of_groups<Value>(x, delta, dx, use.scale, groups, done);
    if (use.step != nullptr) return step_all(*use.step, sums, use.scale);
    parallel_over(parameters(), least_stream,
                  [&](Offset begin, Offset end) { sums.total(begin, end - begin, use.out + begin); });
    return 0;
  }
  if (use.step != nullptr) before_steps();
  const SlabRange all_slabs{0, delta.slabs()};
  std::atomic<std::uint64_t> magnitudes = 0;
  for_each_part(static_cast<int>(row_cuts_.size()) - 1, [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    const RowRange rows{row_cuts_[t], row_cuts_[t + 1]};
    std::uint64_t own = 0;
    if (use.out != nullptr) {
      columns(x, delta, dx, use, {col_cuts_[t], col_cuts_[t + 1]}, all_slabs,
              use.out + transposed_.col_ptrs[static_cast<std::size_t>(col_cuts_[t])], done);
      biases(delta, rows, use, use.out + connections() + rows.begin);
    } else {
      own = columns_with_step(x, delta, dx, use, {col_cuts_[t], col_cuts_[t + 1]}, done);
      own |= biases(delta, rows, use, static_cast<Value*>(nullptr));
    }
    magnitudes |= own;
  });
  return magnitudes;
}

/// Groups of threads that take slabs of their own in a backward pass. Floats are added slab after slab for
/// any number of threads.
template <class Value>
int SparseLayer::backward_groups(const Slabs& delta) const {
  if (!divides_slabs() || connections() > grouped_connections || rows() + cols() < least_grouped_neurons)
    return 1;
  const int groups = slab_groups(delta, {0, delta.slabs()}, static_cast<int>(row_cuts_.size()) - 1);
  return std::is_floating_point_v<Value> && groups < delta.slabs() ? 1 : groups;
}

/// What each group's slabs add to the gradient. Until the calling thread's next call.
template <class Value>
GroupSums<Value> SparseLayer::sums_of_groups(const Slabs& x, const Slabs& delta, Slabs* dx, double scale,
                                             int groups, NeuronsDone done) {
  thread_local std::vector<Value> memory;
  const GroupSums<Value> sums(memory, groups, parameters());
  const int threads = static_cast<int>(row_cuts_.size()) - 1;
  const int parts = threads / groups;
  for_each_part(threads, [&](int thread) {
    const SlabRange slabs = slabs_of_group({0, delta.slabs()}, thread / parts, groups);
    const auto cut = static_cast<std::size_t>(thread % parts * groups);
    const auto end = cut + static_cast<std::size_t>(groups);
    const RowRange cols{col_cuts_[cut], col_cuts_[end]};
    const RowRange rows{row_cuts_[cut], row_cuts_[end]};
    Value* own = sums.of_group(thread / parts);
    columns(x, delta, dx, {scale}, cols, slabs,
            own + transposed_.col_ptrs[static_cast<std::size_t>(cols.begin)], done);
    sum_biases(delta, slabs, rows, scale, own + connections() + rows.begin);
  });
  return sums;
}

std::uint64_t SparseLayer::step_all(const OptimizerStep& step, const GroupSums<std::int64_t>& sums,
                                    double scale) {
  return update(
      step, 0, parameters(),
      [&](Offset first, Offset count, std::int64_t* scratch) { return sums.total(first, count, scratch); },
      scale);
}

std::uint64_t SparseLayer::step_all(const OptimizerStep& step, const GroupSums<Real>& sums, double) {
  return update(step, 0, parameters(),
                [&](Offset first, Offset count, Real* scratch) { return sums.total(first, count, scratch); });
}

template <class Value>
void SparseLayer::backward_in_parts(const Slabs& x, const Slabs& delta, Slabs* dx,
                                    const GradientUse<Value>& use, NeuronsDone done) {
  const auto threads = static_cast<int>(row_cuts_.size()) - 1;
  std::size_t cut = 0;
  for (const Part& part : parts_) {
    Value* out = use.sink->part_begins(part.first, part.count);
    const bool has_columns = cut + 1 < part_col_cuts_.size();
    for_each_part(threads, [&](int thread) {
      if (has_columns) {
        const std::size_t t = cut + static_cast<std::size_t>(thread);
        const RowRange cols{part_col_cuts_[t], part_col_cuts_[t + 1]};
        columns(x, delta, dx, use, cols, {0, delta.slabs()},
                out + (transposed_.col_ptrs[static_cast<std::size_t>(cols.begin)] - part.first), done);
      }
      const Index rows = part.biases.end - part.biases.begin;
      const auto begin = static_cast<Index>(part_begin(rows, thread, threads));
      const auto end = static_cast<Index>(part_begin(rows, thread + 1, threads));
      if (begin < end) {
        biases(delta, {part.biases.begin + begin, part.biases.begin + end}, use,
               out + (part.count - rows + begin));
      }
    });
    use.sink->part_done();
    if (has_columns) cut += static_cast<std::size_t>(threads);
  }
}

/// Takes the step, for some columns after the other where the sums have to be kept for more than one slab.
template <class Value>
std::uint64_t SparseLayer::columns_with_step(const Slabs& x, const Slabs& delta, Slabs* dx,
                                             const GradientUse<Value>& use, RowRange cols, NeuronsDone done) {
  const SlabRange all_slabs{0, delta.slabs()};
  if (delta.slabs() <= slabs_at_once(delta)) {
    return columns(x, delta, dx, use, cols, all_slabs, static_cast<Value*>(nullptr), done);
  }
  thread_local std::vector<Value> sums;
  std::uint64_t magnitudes = 0;
  for (RowRange some{cols.begin, cols.begin}; some.begin < cols.end; some.begin = some.end) {
    some.end = stretch_end(transposed_.col_ptrs, some.begin, cols.end, kept_connections);
    const Offset count = transposed_.col_ptrs[static_cast<std::size_t>(some.end)] -
                         transposed_.col_ptrs[static_cast<std::size_t>(some.begin)];
    if (static_cast<Offset>(sums.size()) < count) sums.resize(static_cast<std::size_t>(count));
    magnitudes |= columns(x, delta, dx, use, some, all_slabs, sums.data(), done);
  }
  return magnitudes;
}

/// @param sums  of the connections of `cols`, over `slabs`; nullptr with a step, where those of a block are
///              enough
template <class Value>
std::uint64_t SparseLayer::columns(const Slabs& x, const Slabs& delta, Slabs* dx,
                                   const GradientUse<Value>& use, RowRange cols, SlabRange slabs, Value* sums,
                                   NeuronsDone done) {
  const CsrView by_col{transposed_.col_ptrs.data(), transposed_.row_idxs.data(), values_by_column_.data()};
  const Offset origin = transposed_.col_ptrs[static_cast<std::size_t>(cols.begin)];
  const Index at_once = slabs_at_once(delta);
  thread_local std::vector<Value> block_sums;
  std::uint64_t magnitudes = 0;
  for (Index first = slabs.begin; first < slabs.end; first += at_once) {
    const Index last = std::min(slabs.end, first + at_once);
    for (RowRange block{cols.begin, cols.begin}; block.begin < cols.end; block.begin = block.end) {
      block.end = block_end(transposed_.col_ptrs, block.begin, cols.end);
      const Offset connection = transposed_.col_ptrs[static_cast<std::size_t>(block.begin)];
      const Offset count = transposed_.col_ptrs[static_cast<std::size_t>(block.end)] - connection;
      if (sums == nullptr && static_cast<Offset>(block_sums.size()) < count)
        block_sums.resize(static_cast<std::size_t>(count));
      Value* gradient = sums == nullptr ? block_sums.data() : sums + (connection - origin);
      for (Index s = first; s < last; ++s) {
        const SlabView out = dx == nullptr ? SlabView{nullptr, 0} : dx->own(s);
        sparse_backward(by_col, block, delta.slab(s), x.own(s), out, reach_of(delta, near_bytes_backward),
                        use.scale, s == slabs.begin ? Output::set : Output::add, gradient);
        done(s, block);
      }
      if (use.step != nullptr && last == slabs.end)
        magnitudes |= step_weights(*use.step, connection, count, gradient, use.scale);
    }
  }
  return magnitudes;
}

void SparseLayer::edit_weights(const LayerEdit& edit) {
  before_steps();
  std::vector<CarriedArray> by_column = {{&values_by_column_, Grown::value}};
  for (auto& states : states_by_column_) by_column.push_back({&states, Grown::zero});
  state_.topology = edited(std::move(state_.topology), transposed_, edit, by_column);
  connect();
}

}  // namespace plexus
