#pragma once

#include <cstddef>
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

  /// Independent. Room for the next message from `peer`, of just its size. Messages from one rank to another
  /// are matched in the order in which they are posted. Empty ones do not exist: posting them does nothing.
  virtual void receive(int peer, std::span<std::byte> place) = 0;
  /// Independent. The bytes stay as they are until `wait`.
  virtual void send(int peer, std::span<const std::byte> bytes) = 0;
  /// Independent. Lets messages make progress; without it most of the work is left to the waits.
  virtual void poll() = 0;
  /// Returns when all that `receive` posted is there. Waits for the peers to send it, and for nothing else.
  virtual void wait_received() = 0;
  /// Returns when all that was posted is there and gone: a round ends. The peers must post their receives
  /// without waiting for this rank.
  virtual void wait() = 0;
};

}  // namespace plexus
