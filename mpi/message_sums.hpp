#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "mpi/block_ring.hpp"
#include "mpi/communicator.hpp"
#include "mpi/sum_queue.hpp"
#include "src/support/aligned.hpp"

namespace plexus {

/// Sums over the ranks of any machines, by MPI_Iallreduce.
template <class T>
class MessageSums final : public SumQueue<T> {
 public:
  /// @param piece_bytes  larger messages are cut into pieces of so many bytes
  MessageSums(std::shared_ptr<const Communicator> communicator, std::size_t capacity,
              std::size_t piece_bytes);
  /// Waits for the sums under way, as MPI still writes to them; except while an exception passes.
  ~MessageSums() override;

  [[nodiscard]] bool has_room(std::size_t count) const override;
  [[nodiscard]] std::span<T> next(std::size_t count) override;
  void start() override;
  void poll() override;
  void wait() override;
  [[nodiscard]] const T* values(std::size_t first, std::size_t count, T* scratch) const override;
  void pop() override;

 private:
  [[nodiscard]] std::vector<MPI_Request>& requests(std::uint64_t number) {
    return requests_[number % BlockRing::most_blocks];
  }
  [[nodiscard]] T* place(std::uint64_t number) const;

  std::shared_ptr<const Communicator> communicator_;
  std::size_t piece_;  ///< values of a message
  int exceptions_at_start_;
  BlockRing ring_;
  AlignedVector<std::byte> memory_;
  std::size_t count_ = 0;       ///< values of the sum that comes next
  std::uint64_t started_ = 0;   ///< sums that are under way or complete
  std::uint64_t complete_ = 0;  ///< sums before this one are complete
  std::array<std::vector<MPI_Request>, BlockRing::most_blocks> requests_;
};

extern template class MessageSums<std::int64_t>;
extern template class MessageSums<float>;

}  // namespace plexus
