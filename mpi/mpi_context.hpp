#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mpi/distributed_context.hpp"

namespace plexus {

/// All processes of an MPI job. Starts MPI (MPI_THREAD_FUNNELED) and ends it, and there can be only one.
/// Error codes of MPI become a `Fault` that names the call.
///
/// Every wait polls MPI and gives up the processor in between, so that ranks which share a core do not crawl:
/// with Open MPI's own waiting an 8-byte sum over 4 ranks on 2 cores takes 5 ms, with yielding 7 us.
class MpiContext final : public DistributedContext {
 public:
  /// Larger messages are cut into pieces of so many bytes. Counts of MPI 3.1 are int, and Open MPI 4.1 also
  /// kept some sizes in bytes in an int (open-mpi/ompi#9622).
  static constexpr std::size_t default_piece_bytes = std::size_t{1} << 30;

  /// Ways that are chosen by themselves; others are for tests and measurements.
  struct Options {
    std::size_t piece_bytes = default_piece_bytes;  ///< at least 8, at most the default
    bool shared_memory = true;                      ///< for the sums of ranks that are all on one machine
  };

  /// Collective. Takes the options of the MPI library out of the command line, if it has any there.
  MpiContext(int& argc, char**& argv, const Options& options);
  MpiContext(int& argc, char**& argv) : MpiContext(argc, argv, Options()) {}

  /// Collective. Ends MPI, except while an exception passes: the other ranks are not coming, so that waiting
  /// for them would hang. The launcher then ends them, as this process leaves without having ended MPI.
  ~MpiContext() override;
  MpiContext(const MpiContext&) = delete;
  MpiContext& operator=(const MpiContext&) = delete;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  void barrier() override;
  void broadcast(std::span<std::byte> bytes, int root) override;
  [[nodiscard]] std::vector<std::vector<std::byte>> allgather(std::span<const std::byte> bytes) override;
  void sum(std::span<std::int64_t> values) override;
  [[nodiscard]] std::unique_ptr<SumQueue<std::int64_t>> integer_sums(std::size_t capacity) override;
  [[nodiscard]] std::unique_ptr<SumQueue<float>> float_sums(std::size_t capacity) override;
  [[noreturn]] void abort(int exit_code) override;

 private:
  void broadcast_pieces(std::span<std::byte> bytes, int root);
  template <class T>
  [[nodiscard]] std::unique_ptr<SumQueue<T>> sums(std::size_t capacity);

  Options options_;
  int exceptions_at_start_;
  int rank_ = 0;
  int size_ = 1;
  std::int64_t collectives_ = 0;  // collective calls made; the same on all ranks when all is well
};

/// Independent. Name and version of the MPI library in one line; MPI need not run.
[[nodiscard]] std::string mpi_library_version();

/// Independent. True between the start and the end of MPI.
[[nodiscard]] bool mpi_is_running();

}  // namespace plexus
