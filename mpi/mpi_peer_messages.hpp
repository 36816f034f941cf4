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

  void receive(int peer, std::span<std::byte> place) override;
  void send(int peer, std::span<const std::byte> bytes) override;
  void poll() override;
  void wait_received() override;
  void wait() override;

  /// Independent. Lets messages make progress. @return whether all that is posted is there and gone
  [[nodiscard]] bool complete();

 private:
  /// @return whether all that `receive` posted is there
  [[nodiscard]] bool all_received();
  [[nodiscard]] bool all_sent();
  template <class Done>
  void wait_until(Done&& done);

  std::shared_ptr<const Communicator> communicator_;
  std::size_t piece_bytes_;
  int exceptions_at_start_;
  std::int64_t waits_ = 0;
  std::vector<MPI_Request> receives_;  ///< one for each piece, empty when all are complete
  std::vector<int> lengths_;           ///< their bytes
  std::vector<MPI_Status> statuses_;   ///< room for as many
  std::vector<MPI_Request> sends_;     ///< empty when all are complete
};

}  // namespace plexus
