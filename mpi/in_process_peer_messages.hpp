#pragma once

#include <memory>

#include "mpi/in_process_group.hpp"
#include "src/parts/peer_messages.hpp"

namespace plexus {

/// Messages between threads, copied from place to place when both sides have posted theirs. Stricter than
/// MPI: `wait` waits for the peer even if a message is small, and sizes that differ or a peer that has left
/// are a `Fault`.
class InProcessPeerMessages final : public PeerMessages {
 public:
  /// @param group  of this object and those of the other ranks, and of nothing else
  InProcessPeerMessages(std::shared_ptr<InProcessGroup> group, int rank);
  /// Waits for what is under way; except while an exception passes.
  ~InProcessPeerMessages() override;

  std::size_t receive(int peer, std::span<std::byte> place, int label = 0) override;
  void send(int peer, std::span<const std::byte> bytes, int label = 0) override;
  bool poll() override;
  void wait_received(std::size_t count = all) override;
  void wait() override;

 private:
  std::shared_ptr<InProcessGroup> group_;
  int rank_;
  int exceptions_at_start_;
  std::size_t receives_ = 0;  ///< of this round
};

}  // namespace plexus
