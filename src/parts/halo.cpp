#include "src/parts/halo.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "src/parts/part_message.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Pieces that a slab's own neurons are cut into: some for each thread, as they begin side by side.
constexpr int pieces_wanted = 4;
constexpr int least_pieces_of_thread = 2;
constexpr int most_pieces = 32;
/// Fewer neurons are not worth a message of their own: 16 KiB.
constexpr Index least_neurons = 64;

int pieces_for(Index neurons) {
  const int of_threads = thread_count() * std::max(least_pieces_of_thread, pieces_wanted / thread_count());
  return std::clamp(static_cast<int>(neurons / least_neurons), 1, std::min(of_threads, most_pieces));
}

/// Slabs with the same label become ready in ascending order.
int label_of(Index s, std::size_t piece) {
  return (s * most_pieces + static_cast<int>(piece)) % PeerMessages::most_labels;
}

/// The place among `sorted` of the first number from `number` on.
Index place_of(const std::vector<Index>& sorted, Index number) {
  return static_cast<Index>(std::ranges::lower_bound(sorted, number) - sorted.begin());
}

}  // namespace

Halo::Halo(Parts& parts, const std::vector<Index>& cuts, const std::vector<Index>& held)
    : messages_(parts.messages()) {
  const auto count = static_cast<std::size_t>(parts.count());
  const auto self = static_cast<std::size_t>(parts.own());
  ensure(cuts.size() == count + 1, "{} cuts for {} parts", cuts.size(), count);
  own_ = cuts[self + 1] - cuts[self];
  before_ = place_of(held, cuts[self]);
  behind_ = static_cast<Index>(held.size()) - place_of(held, cuts[self + 1]);
  ensure(static_cast<Index>(held.size()) == before_ + own_ + behind_,
         "a part holds not all of its own neurons");
  bounds_ = even_cuts(own_, pieces_for(own_));

  std::vector<std::vector<std::byte>> wanted(count);
  for (std::size_t p = 0; p < count; ++p) {
    if (p == self) continue;
    std::vector<Index> numbers(held.begin() + place_of(held, cuts[p]),
                               held.begin() + place_of(held, cuts[p + 1]));
    for (Index& number : numbers) number -= cuts[p];
    append(wanted[p], numbers);
    append(wanted[p], bounds_);
  }
  const auto asked = parts.exchange_bytes(std::move(wanted));
  for (std::size_t i = 1; i < count; ++i) {  // each part begins with another one
    const std::size_t p = (self + i) % count;
    PartMessage message(asked[p]);
    Peer peer{static_cast<int>(p), {}, message.next<Index>(), {}, {}};
    for (const Index bound : bounds_) peer.sent_bounds.push_back(place_of(peer.sent, bound));
    for (const Index bound : message.next<Index>()) peer.received.push_back(place_of(held, cuts[p] + bound));
    const bool reads = peer.received.front() < peer.received.back();
    if (reads || !peer.sent.empty()) peers_.push_back(std::move(peer));
  }
}

std::size_t Halo::pieces_of(const std::vector<Index>& bounds) const {
  return whole_slabs_ ? 1 : bounds.size() - 1;
}

RowRange Halo::piece_of(const std::vector<Index>& bounds, std::size_t piece) const {
  if (whole_slabs_) return {bounds.front(), bounds.back()};
  return {bounds[piece], bounds[piece + 1]};
}

void Halo::begin(Slabs& values, Index lines, Index lines_per_slab, Pieces pieces) {
  finish();
  surround(values);
  values.resize(lines, own_, lines_per_slab);
  values_ = &values;
  const auto slabs = static_cast<std::size_t>(values.slabs());
  whole_slabs_ = pieces == Pieces::slabs && slabs > 1;
  arrivals_.resize(slabs);
  missing_.clear();
  for (std::size_t s = 0; s < slabs; ++s) {
    for (std::size_t piece = 0; piece < pieces_of(bounds_); ++piece) {
      const RowRange neurons = piece_of(bounds_, piece);
      missing_.push_back(neurons.end - neurons.begin);
    }
  }
  is_sent_.assign(missing_.size(), false);
  ready_ = 0;
  sent_ = 0;
  for (Index s = 0; s < values.slabs(); ++s) post_receives(s);
  for (Peer& peer : peers_) {
    if (!peer.sends_all(own_))
      peer.packed.resize(peer.sent.size() * static_cast<std::size_t>(lines) * line_samples);
  }
}

void Halo::post_receives(Index s) {
  const SlabView slab = values_->slab(s);
  std::size_t posted = s == 0 ? 0 : arrivals_[static_cast<std::size_t>(s) - 1];
  for (const Peer& peer : peers_) {
    for (std::size_t piece = 0; piece < pieces_of(peer.received); ++piece) {
      const RowRange places = piece_of(peer.received, piece);
      const std::span place(slab.neuron(places.begin), slab.neuron(places.end));
      posted = messages_->receive(peer.part, std::as_writable_bytes(place), label_of(s, piece));
      bytes_received_ += static_cast<std::int64_t>(place.size_bytes());
    }
  }
  arrivals_[static_cast<std::size_t>(s)] = posted;
}

void Halo::ready(Index s, RowRange neurons) {
  for (Peer& peer : peers_) {
    if (!peer.sends_all(own_)) pack(peer, s, neurons);
  }
  const std::size_t pieces = pieces_of(bounds_);
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const RowRange of_piece = piece_of(bounds_, piece);
    const Index both = std::min(neurons.end, of_piece.end) - std::max(neurons.begin, of_piece.begin);
    if (both <= 0) continue;
    std::atomic_ref missing(missing_[static_cast<std::size_t>(s) * pieces + piece]);
    if (missing.fetch_sub(both, std::memory_order_acq_rel) == both)
      ready_.fetch_add(1, std::memory_order_release);
  }
}

void Halo::pack(Peer& peer, Index s, RowRange neurons) const {
  const ConstSlabView own = std::as_const(*values_).own(s);
  const Offset length = Offset{own.lines} * line_samples;
  Real* packed = peer.packed.data() + static_cast<Offset>(values_->first_line(s)) * line_samples *
                                          static_cast<Offset>(peer.sent.size());
  const Index end = place_of(peer.sent, neurons.end);
  for (Index i = place_of(peer.sent, neurons.begin); i < end; ++i)
    std::copy_n(own.neuron(peer.sent[static_cast<std::size_t>(i)]), length, packed + i * length);
}

bool Halo::poll() {
  if (ready_.load(std::memory_order_acquire) > sent_) {
    for (std::size_t i = 0; i < missing_.size(); ++i) {
      if (is_sent_[i] || std::atomic_ref(missing_[i]).load(std::memory_order_acquire) > 0) continue;
      send(static_cast<Index>(i / pieces_of(bounds_)), i % pieces_of(bounds_));
      is_sent_[i] = true;
      ++sent_;
    }
  }
  return messages_->poll();
}

void Halo::send(Index s, std::size_t piece) {
  const ConstSlabView own = std::as_const(*values_).own(s);
  const Offset length = Offset{own.lines} * line_samples;
  for (const Peer& peer : peers_) {
    const bool all = peer.sends_all(own_);
    const RowRange places = all ? piece_of(bounds_, piece) : piece_of(peer.sent_bounds, piece);
    const Real* slab = all ? own.values
                           : peer.packed.data() + static_cast<Offset>(values_->first_line(s)) * line_samples *
                                                      static_cast<Offset>(peer.sent.size());
    const std::span values(slab + places.begin * length, slab + places.end * length);
    messages_->send(peer.part, std::as_bytes(values), label_of(s, piece));
  }
}

void Halo::wait(Index slab_end) {
  static_cast<void>(poll());
  if (slab_end > 0) messages_->wait_received(arrivals_[static_cast<std::size_t>(slab_end) - 1]);
}

void Halo::exchange(Slabs& values) {
  begin(values, values.lines(), values.lines_per_slab(), Pieces::slabs);
  for (Index s = 0; s < values.slabs(); ++s) ready(s, {0, own_});
  wait();
}

}  // namespace plexus
