#include "src/nn/sparse_layer.hpp"

#include <algorithm>
#include <atomic>
#include <type_traits>
#include <utility>

#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Bytes of slabs that stay in a core's L2 cache while a kernel passes over them at random.
constexpr Offset cached_bytes = Offset{512} << 10;
/// Bytes of a slab beyond which it lies far away.
constexpr Offset near_bytes = Offset{4} << 20;
/// Connections and neurons that are worked on together: what is made of them is still in the L1 cache
/// afterwards.
constexpr Offset block_connections = 1024;
constexpr Index block_neurons = 64;
/// Connections in a part of a gradient: large enough for a network, small enough that the sum of the last
/// part, which nothing hides, is short.
constexpr Offset part_connections = 20480;

Offset slab_bytes(Index neurons) {
  return static_cast<Offset>(neurons) * slab_lines * line_samples * static_cast<Offset>(sizeof(Real));
}

Reach reach_of(Index neurons) { return slab_bytes(neurons) > near_bytes ? Reach::far : Reach::near; }

/// Slabs of a layer of `neurons` neurons that stay in the cache together.
Index slabs_at_once(Index neurons) {
  return static_cast<Index>(std::max<Offset>(1, cached_bytes / std::max<Offset>(1, slab_bytes(neurons))));
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

SparseLayer::SparseLayer(LayerSnapshot state) : Layer(std::move(state)) { index_pattern(); }

void SparseLayer::index_pattern() {
  transposed_ = transposed(state_.topology, std::move(transposed_));
  values_by_column_ = gathered(state_.values, transposed_.sources);
  row_cuts_ = balanced_cuts(state_.topology.row_ptrs, thread_count());
  col_cuts_ = balanced_cuts(transposed_.col_ptrs, thread_count());
  const auto parts = static_cast<int>((connections() + part_connections - 1) / part_connections);
  part_col_cuts_ = balanced_cuts(transposed_.col_ptrs, std::max(1, parts) * thread_count());
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

void SparseLayer::forward(const Slabs& x, Slabs& z, NeuronsDone done) const {
  z.resize(x.lines(), rows());
  const CsrView w{state_.topology.row_ptrs.data(), state_.topology.col_idxs.data(), state_.values.data()};
  parallel_parts(row_cuts_, [&](Index begin, Index end) {
    for (Index s = 0; s < x.slabs(); ++s) {
      for (RowRange block{begin, begin}; block.begin < end; block.begin = block.end) {
        block.end = block_end(state_.topology.row_ptrs, block.begin, end);
        kernels().sparse_product(w, block, state_.biases.data(), x.slab(s), z.slab(s), reach_of(cols()));
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
  if (dx != nullptr) dx->resize(delta.lines(), cols());
  if (delta.lines() == 0) return no_samples(use);
  if (use.step != nullptr) before_steps();
  Value* sums = use.out;
  if (sums == nullptr && delta.slabs() > slabs_at_once(rows())) {
    auto& buffer = [&]() -> std::vector<Value>& {
      if constexpr (std::is_same_v<Value, Real>) {
        return fast_sums_;
      } else {
        return exact_sums_;
      }
    }();
    buffer.resize(static_cast<std::size_t>(connections()));
    sums = buffer.data();
  }
  const std::vector<Index>& cuts = use.part_done == nullptr ? col_cuts_ : part_col_cuts_;
  const std::size_t threads = row_cuts_.size() - 1;
  std::atomic<std::uint64_t> magnitudes = 0;
  for (std::size_t first = 0; first + 1 < cuts.size(); first += threads) {
    const bool last = first + threads + 1 == cuts.size();
    for_each_part(static_cast<int>(threads), [&](int thread) {
      const auto t = static_cast<std::size_t>(thread);
      std::uint64_t own = columns(x, delta, dx, use, {cuts[first + t], cuts[first + t + 1]}, sums, done);
      if (last) own |= biases(delta, {row_cuts_[t], row_cuts_[t + 1]}, use);
      magnitudes |= own;
    });
    if (use.part_done == nullptr) continue;
    const auto gradient_at = [&](std::size_t cut) {
      return transposed_.col_ptrs[static_cast<std::size_t>(cuts[cut])];
    };
    const Offset begin = gradient_at(first);
    (*use.part_done)(begin, (last ? parameters() : gradient_at(first + threads)) - begin);
  }
  return magnitudes;
}

/// @param sums  of all connections; nullptr where those of a block are enough
template <class Value>
std::uint64_t SparseLayer::columns(const Slabs& x, const Slabs& delta, Slabs* dx,
                                   const GradientUse<Value>& use, RowRange cols, Value* sums,
                                   NeuronsDone done) {
  const CsrView by_col{transposed_.col_ptrs.data(), transposed_.row_idxs.data(), values_by_column_.data()};
  const Index at_once = slabs_at_once(rows());
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
      Value* gradient = sums == nullptr ? block_sums.data() : sums + connection;
      for (Index s = first; s < last; ++s) {
        const SlabView out = dx == nullptr ? SlabView{nullptr, 0} : dx->slab(s);
        sparse_backward(by_col, block, delta.slab(s), x.slab(s), out, reach_of(rows()), use.scale,
                        s == 0 ? Output::set : Output::add, gradient);
        done(s, block);
      }
      if (use.step != nullptr && last == delta.slabs())
        magnitudes |= step_weights(*use.step, connection, count, gradient, use.scale);
    }
  }
  return magnitudes;
}

void SparseLayer::edit_weights(const LayerEdit& edit) {
  static_cast<void>(state());
  std::vector<CarriedArray> arrays = {{&state_.values, Grown::value}};
  for (auto& states : state_.value_states) arrays.push_back({&states, Grown::zero});
  state_.topology = edited(state_.topology, edit, arrays);
  index_pattern();
}

}  // namespace plexus
