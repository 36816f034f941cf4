#include "src/nn/network_part.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <type_traits>

#include "src/support/hash.hpp"

namespace plexus {

namespace {

/// Magnitudes as numbers of the same order; what is not a number is beyond infinity.
std::int64_t order_of(Real magnitude) { return static_cast<std::int64_t>(bits_of(magnitude)); }
Real magnitude_of(std::int64_t order) {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<Real>(static_cast<Bits>(order));
}

/// Inputs that are read without need rather than left out between two others: each range costs a call for
/// every 16 samples.
constexpr Index least_gap = 16;

/// Ranges of the inputs that `slice` reads or that are `own`.
std::vector<RowRange> inputs_of(const Topology& slice, RowRange own) {
  std::vector<std::uint8_t> read(static_cast<std::size_t>(slice.cols), 0);
  for (const Index col : slice.col_idxs) read[static_cast<std::size_t>(col)] = 1;
  std::fill(read.begin() + own.begin, read.begin() + own.end, std::uint8_t{1});
  std::vector<RowRange> ranges;
  for (Index col = 0; col < slice.cols; ++col) {
    if (read[static_cast<std::size_t>(col)] == 0) continue;
    if (ranges.empty() || col - ranges.back().end >= least_gap) ranges.push_back({col, col});
    ranges.back().end = col + 1;
  }
  return ranges;
}

}  // namespace

NetworkPart::NetworkPart(Parts& parts) : parts_(parts), maximum_(parts), largest_(parts) {}

void NetworkPart::take_slices(std::vector<std::unique_ptr<Layer>>& layers, LayerSource slices,
                              LevelCuts cuts) {
  count_traffic();
  const std::size_t depth = layers.size();
  slices_.resize(depth);
  weights_sent_.assign(depth, false);
  for (std::size_t l = 0; l < depth; ++l) {
    LayerSnapshot snapshot = slices(l);
    layers[l].reset();
    auto slice = std::make_unique<SlicedLayer>(parts_, std::move(snapshot), LayerCuts{cuts[l + 1], cuts[l]},
                                               l == 0, l + 1 == depth);
    slices_[l] = slice.get();
    layers[l] = std::move(slice);
  }
  reconnect(std::move(cuts));
}

void NetworkPart::reconnect(LevelCuts cuts) {
  cuts_ = std::move(cuts);
  count_traffic();
  const auto own = static_cast<std::size_t>(parts_.own());
  inputs_read_ = inputs_of(*slices_[0]->view(false).topology, {cuts_[0][own], cuts_[0][own + 1]});
  activation_halos_.clear();
  gradient_halos_.clear();
  for (std::size_t l = 0; l < slices_.size(); ++l) {
    const bool last = l + 1 == slices_.size();
    const std::vector<Index>& read_forward = last ? slices_[l]->held_rows() : slices_[l + 1]->held_cols();
    activation_halos_.push_back(std::make_unique<Halo>(parts_, cuts_[l + 1], read_forward));
    if (!last)
      gradient_halos_.push_back(std::make_unique<Halo>(parts_, cuts_[l + 1], slices_[l]->held_rows()));
  }
}

template <class Wait>
void NetworkPart::timed(Wait&& wait) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  wait();
  seconds_waited_ += std::chrono::duration<double>(Clock::now() - begin).count();
}

void NetworkPart::wait_for_activations(std::size_t l, Index slab_end) {
  timed([&] { activations(l).wait(slab_end); });
}

void NetworkPart::wait_for_gradients(std::size_t l) {
  timed([&] { gradients(l).wait(); });
}

void NetworkPart::finish_halos() {
  for (const auto& halo : activation_halos_) halo->finish();
  for (const auto& halo : gradient_halos_) halo->finish();
}

void NetworkPart::poll_forward(std::size_t l) {
  // What is under way anywhere moves all.
  if (activations(l).poll()) return;
  if (l > 0 && activations(l - 1).poll()) return;
  if (l + 1 < slices_.size() && weights_sent_[l + 1]) slices_[l + 1]->poll();
}

void NetworkPart::poll_backward(std::size_t l) {
  if (l > 0 && gradients(l - 1).poll()) return;
  if (l + 1 < slices_.size() && weights_sent_[l + 1]) slices_[l + 1]->poll();
}

void NetworkPart::send_weights(std::size_t l) {
  if (weights_sent_[l]) return;
  slices_[l]->send_weights();
  weights_sent_[l] = true;
}

void NetworkPart::receive_weights(std::size_t l) {
  if (!weights_sent_[l]) return;
  timed([&] { slices_[l]->wait(); });
  slices_[l]->receive_weights();
  weights_sent_[l] = false;
}

void NetworkPart::start_magnitudes(std::span<ShardMagnitudes* const> levels, Index shards) {
  magnitudes_.assign(levels.begin(), levels.end());
  magnitude_shards_ = shards;
  sent_magnitudes_.clear();
  for (const ShardMagnitudes* level : magnitudes_) {
    for (Index shard = 0; shard < shards; ++shard)
      sent_magnitudes_.push_back(order_of(level->largest(shard)));
  }
  largest_.start(sent_magnitudes_);
}

void NetworkPart::finish_magnitudes() {
  std::span<const std::int64_t> found;
  timed([&] { found = largest_.finish(); });
  auto largest = found.begin();
  for (ShardMagnitudes* level : magnitudes_) {
    for (Index shard = 0; shard < magnitude_shards_; ++shard)
      level->of_thread(shard)[0] = magnitude_of(*largest++);
  }
  magnitudes_.clear();
}

void NetworkPart::finish_maximum(std::span<std::int64_t> values) {
  timed([&] { std::ranges::copy(maximum_.finish(), values.begin()); });
}

void NetworkPart::count_traffic() {
  for (const auto& halo : activation_halos_) traffic_.halo += halo->take_bytes_received();
  for (const auto& halo : gradient_halos_) traffic_.halo += halo->take_bytes_received();
  for (SlicedLayer* slice : slices_) {
    if (slice != nullptr) traffic_.weights += slice->take_bytes_received();
  }
}

NetworkPart::Traffic NetworkPart::take_traffic() {
  count_traffic();
  return std::exchange(traffic_, {});
}

}  // namespace plexus
