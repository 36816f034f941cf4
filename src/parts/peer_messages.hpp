#pragma once

#include <cstddef>
#include <limits>
#include <span>

namespace plexus {

/// Messages between some ranks, round after round, that travel in the background: in each round a rank says
/// what comes and what goes, works on something else, and waits. What is posted here is received by the
/// `PeerMessages` that the other ranks made in the same call, and by nothing else. No memory is asked for
/// once a round had as many messages as this one.
class PeerMessages {
 public:
  virtual ~PeerMessages() = default;
  PeerMessages() = default;
  PeerMessages(const PeerMessages&) = delete;
  PeerMessages& operator=(const PeerMessages&) = delete;

  /// All messages of a round.
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  static constexpr int most_labels = 32768;  ///< every MPI has as many tags

  /// Independent. Room for a message from `peer`, of just its size. Messages of one label from one rank to
  /// another are matched in the order in which they are posted. Empty ones do not exist: posting them does
  /// nothing.
  /// @param label  from 0 to most_labels - 1
  /// @return       messages that this round has room for so far, as `wait_received` counts them
  virtual std::size_t receive(int peer, std::span<std::byte> place, int label = 0) = 0;
  /// Independent. The bytes stay as they are until `wait`.
  virtual void send(int peer, std::span<const std::byte> bytes, int label = 0) = 0;
  /// Independent. Lets messages make progress; without it most of the work is left to the waits.
  /// @return whether anything that was posted is still under way
  virtual bool poll() = 0;
  /// Returns when the first `count` messages that `receive` made room for are there. Waits for the peers to
  /// send them, and for nothing else.
  virtual void wait_received(std::size_t count = all) = 0;
  /// Returns when all that was posted is there and gone: a round ends. The peers must post their receives
  /// without waiting for this rank.
  virtual void wait() = 0;
};

}  // namespace plexus
