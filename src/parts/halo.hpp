#pragma once

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

/// Brings the values of one level's neurons from the parts that own them to those that read them. Where a
/// part reads all neurons of another, they travel as they lie there.
class Halo {
 public:
  /// Collective.
  /// @param cuts  part p owns neurons [cuts[p], cuts[p + 1])
  /// @param held  the neurons whose values this part holds, ascending, all own ones among them
  Halo(Parts& parts, const std::vector<Index>& cuts, const std::vector<Index>& held);

  /// Independent. Makes room in `values` for the neurons of others from its next `resize` on.
  void surround(Slabs& values) const { values.surround(before_, behind_); }

  /// Collective, as far as parts read from each other. The own values are there; they, and those of others,
  /// must not be touched until `finish`.
  void start(Slabs& values);
  /// Independent.
  void poll() { messages_->poll(); }
  /// Collective in the same sense. All values that are held are there.
  void finish() { messages_->wait(); }

  /// Bytes that others have sent to this part since the last call.
  [[nodiscard]] std::int64_t take_bytes_received() { return std::exchange(bytes_received_, 0); }

 private:
  struct Peer {
    int part = 0;
    RowRange received{0, 0};     ///< places among the held neurons
    std::vector<Index> sent;     ///< own neurons, numbered from 0; ascending
    AlignedVector<Real> packed;  ///< values of `sent`, slab after slab
  };
  void pack(Peer& peer, const Slabs& values) const;

  Index own_ = 0;
  Index before_ = 0;
  Index behind_ = 0;
  std::vector<Peer> peers_;
  std::unique_ptr<PeerMessages> messages_;
  std::int64_t bytes_received_ = 0;
};

}  // namespace plexus
