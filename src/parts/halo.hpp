#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "src/parts/parts.hpp"
#include "src/sparse/slabs.hpp"
#include "src/support/aligned.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Brings the values of one level's neurons from the parts that own them to those that read them, piece by
/// piece while they are computed. Where a part reads all neurons of another, they travel as they lie there.
///
/// A round: `begin`; `ready` for all own values, slab after slab or neuron after neuron, and `poll` in
/// between; `wait`. What is sent must not be touched until the next `begin`, or `finish`.
class Halo {
 public:
  /// What travels together.
  enum class Pieces {
    slabs,           ///< all own neurons, in one slab; where there is only one slab: some neurons
    some_of_a_slab,  ///< some own neurons, in one slab
  };

  /// Collective.
  /// @param cuts  part p owns neurons [cuts[p], cuts[p + 1])
  /// @param held  the neurons whose values this part holds, ascending, all own ones among them
  Halo(Parts& parts, const std::vector<Index>& cuts, const std::vector<Index>& held);

  /// Independent. Makes room in `values` for the neurons of others from its next `resize` on.
  void surround(Slabs& values) const { values.surround(before_, behind_); }

  /// Collective, as far as parts read from each other. Ends the round before and makes room in `values`,
  /// where what others send arrives from now on. Own values may be written, and are not changed where
  /// `values` had that room already.
  void begin(Slabs& values, Index lines, Index lines_per_slab, Pieces pieces);
  /// Independent, by any thread of a parallel region. The own values of `neurons`, numbered from 0, in slab s
  /// are there. To be called once a round for each of them.
  void ready(Index s, RowRange neurons);
  /// Independent, by the thread that called `begin`. Sends what is ready.
  /// @return whether something is under way
  bool poll();
  /// Collective in the sense of `begin`. All values that are held are there; or those in the slabs before
  /// `slab_end`. The own ones were ready.
  void wait() { wait(static_cast<Index>(arrivals_.size())); }
  void wait(Index slab_end);
  /// Ends the round: what was sent may be changed.
  void finish() { messages_->wait(); }

  /// A whole round for own values that are there: `values` has room for those that others send.
  void exchange(Slabs& values);

  /// Bytes that others have sent to this part since the last call.
  [[nodiscard]] std::int64_t take_bytes_received() { return std::exchange(bytes_received_, 0); }

 private:
  struct Peer {
    int part = 0;
    std::vector<Index> received;     ///< places among the held neurons where its pieces begin, and the end
    std::vector<Index> sent;         ///< own neurons, numbered from 0; ascending
    std::vector<Index> sent_bounds;  ///< places in `sent` where own pieces begin, and the end
    AlignedVector<Real> packed;      ///< values of `sent`, slab after slab
    [[nodiscard]] bool sends_all(Index own) const { return static_cast<Index>(sent.size()) == own; }
  };
  [[nodiscard]] std::size_t pieces_of(const std::vector<Index>& bounds) const;
  [[nodiscard]] RowRange piece_of(const std::vector<Index>& bounds, std::size_t piece) const;
  void post_receives(Index s);
  void pack(Peer& peer, Index s, RowRange neurons) const;
  void send(Index s, std::size_t piece);

  Index own_ = 0;
  Index before_ = 0;
  Index behind_ = 0;
  std::vector<Index> bounds_;  ///< own neurons where pieces begin, and the end
  std::vector<Peer> peers_;
  std::unique_ptr<PeerMessages> messages_;
  std::int64_t bytes_received_ = 0;

  // Of the round.
  Slabs* values_ = nullptr;
  bool whole_slabs_ = false;            ///< a slab is one piece
  std::vector<std::size_t> arrivals_;   ///< by slab: messages that bring it and those before it
  std::vector<Index> missing_;          ///< by slab and piece: own neurons that are not ready
  std::atomic<std::size_t> ready_ = 0;  ///< pieces
  std::size_t sent_ = 0;                ///< pieces
  std::vector<bool> is_sent_;           ///< by slab and piece
};

}  // namespace plexus
