#pragma once

#include <memory>
#include <vector>

#include "mpi/mpi_calls.hpp"

namespace plexus {

/// Some ranks of an MPI job, whose traffic meets no other's. Errors of its calls come back as codes. Whoever
/// uses it keeps it alive; it must be gone before MPI ends.
class Communicator {
 public:
  /// All ranks of the job. Independent.
  [[nodiscard]] static std::shared_ptr<const Communicator> world();
  /// Collective. The ranks that pass the same colour, in the order of their ranks here.
  [[nodiscard]] std::shared_ptr<const Communicator> split(int color) const;
  /// Collective. The same ranks, for traffic of its own.
  [[nodiscard]] std::shared_ptr<const Communicator> copy() const;

  /// Collective, except while an exception passes: the other ranks may not be coming then.
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  [[nodiscard]] MPI_Comm get() const { return handle_; }
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }
  /// Independent. The ranks among all of the job.
  [[nodiscard]] std::vector<int> ranks_of_world() const;
  /// Collective. Whether all its ranks run on one machine.
  [[nodiscard]] bool on_one_machine() const;

 private:
  explicit Communicator(MPI_Comm handle);

  MPI_Comm handle_;
  int exceptions_at_start_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace plexus
