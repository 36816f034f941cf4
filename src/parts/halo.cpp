#include "src/parts/halo.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "src/parts/part_message.hpp"
#include "src/support/error.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// The place among `held` of the first neuron from `number` on.
Index place_of(const std::vector<Index>& held, Index number) {
  return static_cast<Index>(std::ranges::lower_bound(held, number) - held.begin());
}

Offset values_of(const Slabs& values, Index s) { return Offset{values.slab(s).lines} * line_samples; }

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

  std::vector<std::vector<std::byte>> wanted(count);
  std::vector<Peer> peers(count);
  for (std::size_t p = 0; p < count; ++p) {
    peers[p].part = static_cast<int>(p);
    if (p == self) continue;
    peers[p].received = {place_of(held, cuts[p]), place_of(held, cuts[p + 1])};
    std::vector<Index> numbers(held.begin() + peers[p].received.begin, held.begin() + peers[p].received.end);
    for (Index& number : numbers) number -= cuts[p];
    append(wanted[p], numbers);
  }
  const auto asked = parts.exchange_bytes(std::move(wanted));
  for (std::size_t p = 0; p < count; ++p) {
    if (p == self) continue;
    PartMessage message(asked[p]);
    peers[p].sent = message.next<Index>();
    const bool reads = peers[p].received.begin < peers[p].received.end;
    if (reads || !peers[p].sent.empty()) peers_.push_back(std::move(peers[p]));
  }
}

void Halo::pack(Peer& peer, const Slabs& values) const {
  const auto count = static_cast<Offset>(peer.sent.size());
  peer.packed.resize(static_cast<std::size_t>(count * values.lines() * line_samples));
  parallel_over(count, 64, [&](Offset begin, Offset end) {
    Real* slab_begin = peer.packed.data();
    for (Index s = 0; s < values.slabs(); ++s) {
      const Offset length = values_of(values, s);
      for (Offset i = begin; i < end; ++i) {
        std::copy_n(values.own(s).neuron(peer.sent[static_cast<std::size_t>(i)]), length,
                    slab_begin + i * length);
      }
      slab_begin += count * length;
    }
  });
}

void Halo::start(Slabs& values) {
  for (const Peer& peer : peers_) {
    const Index count = peer.received.end - peer.received.begin;
    for (Index s = 0; s < values.slabs() && count > 0; ++s) {
      const std::span place(values.slab(s).neuron(peer.received.begin),
                            static_cast<std::size_t>(count * values_of(values, s)));
      messages_->receive(peer.part, std::as_writable_bytes(place));
      bytes_received_ += static_cast<std::int64_t>(place.size_bytes());
    }
  }
  for (Peer& peer : peers_) {
    const auto count = static_cast<Offset>(peer.sent.size());
    const bool all = count == own_;
    if (!all) pack(peer, values);
    const Real* packed = peer.packed.data();
    for (Index s = 0; s < values.slabs() && count > 0; ++s) {
      const auto length = static_cast<std::size_t>(count * values_of(values, s));
      const std::span bytes(all ? values.own(s).values : packed, length);
      messages_->send(peer.part, std::as_bytes(bytes));
      packed += length;
    }
  }
}

}  // namespace plexus
