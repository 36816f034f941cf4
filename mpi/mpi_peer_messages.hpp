#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/parts/peer_messages.hpp"

namespace plexus {

/// Messages by MPI_Isend and MPI_Irecv.
class MpiPeerMessages final : public PeerMessages {
 public:
  /// @param communicator  on which nothing else sends messages while this one does
  /// @param piece_bytes  larger messages are cut into pieces of so many bytes; the same on all ranks
  MpiPeerMessages(std::shared_ptr<const Communicator> communicator, std::size_t piece_bytes);
  /// Waits for what is under way, as MPI still reads and writes it; except while an exception passes.
  ~MpiPeerMessages() override;

  std::size_t receive(int peer, std::span<std::byte> place, int label = 0) override;
  void send(int peer, std::span<const std::byte> bytes, int label = 0) override;
  bool poll() override;
  void wait_received(std::size_t count = all) override;
  void wait() override;

 private:
  /// @return whether the first `count` messages that are received are there
  [[nodiscard]] bool received(std::size_t count);
  [[nodiscard]] bool all_sent();
  template <class Done>
  void wait_until(Done&& done);

  std::shared_ptr<const Communicator> communicator_;
  std::size_t piece_bytes_;
  int exceptions_at_start_;
  std::int64_t waits_ = 0;
  std::vector<MPI_Request> receives_;  ///< of this round, one for each piece
  std::vector<int> lengths_;           ///< their bytes
  std::vector<MPI_Status> statuses_;   ///< room for as many
  std::vector<std::size_t> ends_;      ///< of each message received: pieces up to its last one
  std::size_t arrived_ = 0;            ///< pieces; the first ones
  std::vector<MPI_Request> sends_;     ///< empty when all are complete
};

}  // namespace plexus
