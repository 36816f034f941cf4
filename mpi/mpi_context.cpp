#include "mpi/mpi_context.hpp"

#include <array>
#include <exception>

#include "mpi/communicator.hpp"
#include "src/support/error.hpp"

namespace plexus {

MpiLibrary::MpiLibrary(int& argc, char**& argv) : exceptions_at_start_(std::uncaught_exceptions()) {
  int provided = 0;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  ensure(provided >= MPI_THREAD_FUNNELED,
         "this MPI library does not allow programs with threads. Use one built with thread support.");
}

MpiLibrary::~MpiLibrary() {
  if (std::uncaught_exceptions() > exceptions_at_start_) return;
  MPI_Finalize();
}

MpiContext::MpiContext(int& argc, char**& argv, const Options& options)
    : MpiLibrary(argc, argv), MpiRanks(Communicator::world(), options) {}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  std::string version(text.data());
  return version.substr(0, version.find('\n'));
}

bool mpi_is_running() {
  int started = 0;
  int ended = 0;
  MPI_Initialized(&started);
  MPI_Finalized(&ended);
  return started != 0 && ended == 0;
}

}  // namespace plexus
