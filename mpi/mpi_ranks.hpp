#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mpi/distributed_context.hpp"

namespace plexus {

class Communicator;

/// Ranks that are processes of an MPI job: all of them (`MpiContext`), or those of one colour of a `split`.
/// Error codes of MPI become a `Fault` that names the call.
///
/// Every wait polls MPI and gives up the processor in between, so that ranks which share a core do not crawl:
/// with Open MPI's own waiting an 8-byte sum over 4 ranks on 2 cores takes 5 ms, with yielding 7 us.
class MpiRanks : public DistributedContext {
 public:
  /// Larger messages are cut into pieces of so many bytes. Counts of MPI 3.1 are int, and Open MPI 4.1 also
  /// kept some sizes in bytes in an int (open-mpi/ompi#9622).
  static constexpr std::size_t default_piece_bytes = std::size_t{1} << 30;

  /// Ways that are chosen by themselves; others are for tests and measurements.
  struct Options {
    std::size_t piece_bytes = default_piece_bytes;  ///< at least 8, at most the default
    bool shared_memory = true;                      ///< for the sums of ranks that are all on one machine
    bool check_calls = false;  ///< whether all ranks make the same collective calls; for tests
  };

  /// Collective. MPI must run, and must not end before this.
  MpiRanks(std::shared_ptr<const Communicator> communicator, const Options& options);

  [[nodiscard]] int rank() const override;
  [[nodiscard]] int size() const override;
  [[nodiscard]] JobRanks job_ranks() const override;
  [[nodiscard]] std::unique_ptr<DistributedContext> split(int color) override;
  void barrier() override;
  void broadcast(std::span<std::byte> bytes, int root) override;
  [[nodiscard]] std::vector<std::vector<std::byte>> allgather(std::span<const std::byte> bytes) override;
  void exchange(std::span<const std::span<const std::byte>> outgoing, const PlaceOf& place_of) override;
  void sum(std::span<std::int64_t> values) override;
  void maximum(std::span<std::int64_t> values) override;
  [[nodiscard]] std::unique_ptr<SumQueue<std::int64_t>> integer_sums(std::size_t capacity) override;
  [[nodiscard]] std::unique_ptr<SumQueue<float>> float_sums(std::size_t capacity) override;
  [[nodiscard]] std::unique_ptr<PeerMessages> peer_messages() override;
  [[noreturn]] void abort(int exit_code) override;

 private:
  MpiRanks(std::shared_ptr<const Communicator> communicator, const Options& options,
           std::shared_ptr<std::int64_t> collectives);

  void check_same(const char* call, std::size_t count = 0, int root = 0) const;
  void meet();
  void broadcast_pieces(std::span<std::byte> bytes, int root);
  template <class T>
  [[nodiscard]] std::unique_ptr<SumQueue<T>> sums(std::size_t capacity);

  std::shared_ptr<const Communicator> communicator_;
  Options options_;
  bool on_one_machine_;
  /// Collective calls this process made, in all contexts; the same on all ranks when all is well.
  std::shared_ptr<std::int64_t> collectives_;
};

}  // namespace plexus
