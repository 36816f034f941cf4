#include "src/nn/sparse_layer.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "src/nn/kernel_tuning.hpp"
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
/// Connections whose sums are kept while one slab after the other is worked on.
constexpr Offset kept_sums = Offset{128} << 10;
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

/// End of the block that begins at row `begin` of a CSR structure.
Index block_end(const std::vector<Offset>& row_ptrs, Index begin, Index end) {
  const Offset limit = row_ptrs[static_cast<std::size_t>(begin)] + block_connections;
  const Index last = std::min(end, begin + block_neurons);
  Index next = begin + 1;
  while (next < last && row_ptrs[static_cast<std::size_t>(next) + 1] <= limit) ++next;
  return next;
}

/// `values` reordered: element i of the result is values[sources[i]].
std::vector<Real> gathered(const std::vector<Real>& values, const std::vector<std::uint32_t>& sources) {
  std::vector<Real> result(values.size());
  parallel_over(static_cast<Offset>(values.size()), 4096, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) result[i] = values[sources[i]];
  });
  return result;
}

/// The inverse of `gathered`.
std::vector<Real> scattered(const std::vector<Real>& values, const std::vector<std::uint32_t>& sources) {
  std::vector<Real> result(values.size());
  parallel_over(static_cast<Offset>(values.size()), 4096, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) result[sources[i]] = values[i];
  });
  return result;
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
    : Layer(std::move(state)),
      transposed_(transposed(state_.topology)),
      values_by_column_(gathered(state_.values, transposed_.sources)) {
  cut_pattern();
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

const LayerSnapshot& SparseLayer::state() {
  for (const auto& states : states_by_column_)
    state_.value_states.push_back(scattered(states, transposed_.sources));
  states_by_column_.clear();
  return state_;
}

void SparseLayer::before_steps() {
  for (const auto& states : state_.value_states)
    states_by_column_.push_back(gathered(states, transposed_.sources));
  state_.value_states.clear();
}

std::vector<Offset> SparseLayer::gradient_order() const {
  return {transposed_.sources.begin(), transposed_.sources.end()};
}

ParameterBlock SparseLayer::weights(Offset first, Offset count) {
  return block_of(values_by_column_, states_by_column_, first, count);
}

void SparseLayer::weights_changed(Offset first, Offset count) {
  const std::uint32_t* places = transposed_.sources.data();
  for (Offset p = first; p < first + count; ++p) state_.values[places[p]] = values_by_column_[p];
}

bool SparseLayer::complete() const { return state_.topology.connections() == state_.topology.cells(); }

bool SparseLayer::multiplies_densely() const {
  const Topology& t = state_.topology;
  const double density = static_cast<double>(t.connections()) / static_cast<double>(t.cells());
  return complete() ||
         (density >= kernel_tuning().dense_density && slab_bytes(cols(), slab_lines) > nearest_bytes);
}

void SparseLayer::forward(const Slabs& x, Slabs& z, NeuronsDone done) const {
  z.resize(x.lines(), rows(), x.lines_per_slab());
  if (multiplies_densely()) {
    dense_forward(x, z, done);
  } else {
    sparse_forward(x, z, done);
  }
}

const Real* SparseLayer::spread_out(RowRange block) const {
  const Offset* row_ptrs = state_.topology.row_ptrs.data();
  if (complete()) return state_.values.data() + row_ptrs[block.begin];
  thread_local std::vector<Real> cells;
  cells.assign(static_cast<std::size_t>(block.end - block.begin) * static_cast<std::size_t>(cols()), Real{0});
  for (Index row = block.begin; row < block.end; ++row) {
    Real* out = cells.data() + static_cast<Offset>(row - block.begin) * cols();
    for (Offset p = row_ptrs[row]; p < row_ptrs[row + 1]; ++p)
      out[state_.topology.col_idxs[static_cast<std::size_t>(p)]] = state_.values[static_cast<std::size_t>(p)];
  }
  return cells.data();
}

void SparseLayer::dense_forward(const Slabs& x, Slabs& z, NeuronsDone done) const {
  parallel_parts(row_cuts_, [&](Index begin, Index end) {
    for (RowRange block{begin, begin}; block.begin < end; block.begin = block.end) {
      block.end = std::min(end, block.begin + dense_block_rows);
      const DenseView w{spread_out(block), cols()};
      const RowRange all{0, block.end - block.begin};
      for (Index s = 0; s < x.slabs(); ++s) {
        const SlabView out{z.own(s).neuron(block.begin), z.own(s).lines};
        kernels().dense_product(w, all, state_.biases.data() + block.begin, x.slab(s), out);
        done(s, block);
      }
    }
  });
}

void SparseLayer::sparse_forward(const Slabs& x, Slabs& z, NeuronsDone done) const {
  const CsrView w{state_.topology.row_ptrs.data(), state_.topology.col_idxs.data(), state_.values.data()};
  parallel_parts(row_cuts_, [&](Index begin, Index end) {
    for (Index s = 0; s < x.slabs(); ++s) {
      for (RowRange block{begin, begin}; block.begin < end; block.begin = block.end) {
        block.end = block_end(state_.topology.row_ptrs, block.begin, end);
        kernels().sparse_product(w, block, state_.biases.data(), x.slab(s), z.own(s),
                                 reach_of(x, kernel_tuning().near_bytes));
        done(s, block);
      }
    }
  });
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
  if (dx != nullptr) dx->resize(delta.lines(), cols(), delta.lines_per_slab());
  if (delta.lines() == 0) return no_samples(use);
  if (use.sink != nullptr) {
    backward_in_parts(x, delta, dx, use, done);
    return 0;
  }
  if (use.step != nullptr) before_steps();
  std::atomic<std::uint64_t> magnitudes = 0;
  for_each_part(static_cast<int>(row_cuts_.size()) - 1, [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    const RowRange rows{row_cuts_[t], row_cuts_[t + 1]};
    std::uint64_t own = 0;
    if (use.out != nullptr) {
      columns(x, delta, dx, use, {col_cuts_[t], col_cuts_[t + 1]},
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

template <class Value>
void SparseLayer::backward_in_parts(const Slabs& x, const Slabs& delta, Slabs* dx,
                                    const GradientUse<Value>& use, NeuronsDone done) {
  const auto threads = static_cast<int>(row_cuts_.size()) - 1;
  std::size_t cut = 0;
  for (const Part& part : parts_) {
    Value* out = use.sink->part_begins(part.first, part.count);
    const bool has_weights = part.first < connections();
    for_each_part(threads, [&](int thread) {
      if (has_weights) {
        const std::size_t t = cut + static_cast<std::size_t>(thread);
        const RowRange cols{part_col_cuts_[t], part_col_cuts_[t + 1]};
        columns(x, delta, dx, use, cols,
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
    if (has_weights) cut += static_cast<std::size_t>(threads);
  }
}

/// Takes the step, for some columns after the other where the sums have to be kept for more than one slab.
template <class Value>
std::uint64_t SparseLayer::columns_with_step(const Slabs& x, const Slabs& delta, Slabs* dx,
                                             const GradientUse<Value>& use, RowRange cols, NeuronsDone done) {
  if (delta.slabs() <= slabs_at_once(delta)) {
    return columns(x, delta, dx, use, cols, static_cast<Value*>(nullptr), done);
  }
  thread_local std::vector<Value> sums;
  std::uint64_t magnitudes = 0;
  for (RowRange some{cols.begin, cols.begin}; some.begin < cols.end; some.begin = some.end) {
    const auto begin = transposed_.col_ptrs.begin() + some.begin;
    const auto end = std::upper_bound(begin + 1, transposed_.col_ptrs.begin() + cols.end, *begin + kept_sums);
    some.end = std::max(some.begin + 1, static_cast<Index>(end - transposed_.col_ptrs.begin()) - 1);
    const Offset count = transposed_.col_ptrs[static_cast<std::size_t>(some.end)] - *begin;
    if (static_cast<Offset>(sums.size()) < count) sums.resize(static_cast<std::size_t>(count));
    magnitudes |= columns(x, delta, dx, use, some, sums.data(), done);
  }
  return magnitudes;
}

/// @param sums  of the connections of `cols`; nullptr with a step, where those of a block are enough
template <class Value>
std::uint64_t SparseLayer::columns(const Slabs& x, const Slabs& delta, Slabs* dx,
                                   const GradientUse<Value>& use, RowRange cols, Value* sums,
                                   NeuronsDone done) {
  const CsrView by_col{transposed_.col_ptrs.data(), transposed_.row_idxs.data(), values_by_column_.data()};
  const Offset origin = transposed_.col_ptrs[static_cast<std::size_t>(cols.begin)];
  const Index at_once = slabs_at_once(delta);
  thread_local std::vector<Value> block_sums;
  std::uint64_t magnitudes = 0;
  for (Index first = 0; first < delta.slabs(); first += at_once) {
    const Index last = std::min(delta.slabs(), first + at_once);
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
                        use.scale, s == 0 ? Output::set : Output::add, gradient);
        done(s, block);
      }
      if (use.step != nullptr && last == delta.slabs())
        magnitudes |= step_weights(*use.step, connection, count, gradient, use.scale);
    }
  }
  return magnitudes;
}

void SparseLayer::edit_weights(const LayerEdit& edit) {
  before_steps();
  const CarriedArray by_row{&state_.values, Grown::value};
  std::vector<CarriedArray> by_column = {{&values_by_column_, Grown::value}};
  for (auto& states : states_by_column_) by_column.push_back({&states, Grown::zero});
  state_.topology = edited(std::move(state_.topology), transposed_, edit, {&by_row, 1}, by_column);
  cut_pattern();
}

}  // namespace plexus
