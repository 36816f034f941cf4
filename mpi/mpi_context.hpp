#pragma once

#include <string>

#include "mpi/mpi_ranks.hpp"

namespace plexus {

/// Starts MPI (MPI_THREAD_FUNNELED) and ends it.
class MpiLibrary {
 public:
  /// Collective. Takes the options of the MPI library out of the command line, if it has any there.
  MpiLibrary(int& argc, char**& argv);
  /// Collective. Ends MPI, except while an exception passes: the other ranks are not coming, so that waiting
  /// for them would hang. The launcher then ends them, as this process leaves without having ended MPI.
  ~MpiLibrary();
  MpiLibrary(const MpiLibrary&) = delete;
  MpiLibrary& operator=(const MpiLibrary&) = delete;

 private:
  int exceptions_at_start_;
};

/// All processes of an MPI job. MPI runs as long as it lives, and there can be only one.
class MpiContext final : private MpiLibrary, public MpiRanks {
 public:
  /// Collective. Takes the options of the MPI library out of the command line, if it has any there.
  MpiContext(int& argc, char**& argv, const Options& options = Options());
};

/// Independent. Name and version of the MPI library in one line; MPI need not run.
[[nodiscard]] std::string mpi_library_version();

/// Independent. True between the start and the end of MPI.
[[nodiscard]] bool mpi_is_running();

}  // namespace plexus
