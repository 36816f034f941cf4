#include "jobs/version.hpp"

#include <fmt/format.h>
#include <hdf5.h>

#include "mpi/mpi_context.hpp"
#include "src/sparse/kernels.hpp"

namespace plexus {

std::string code_version() { return PLEXUS_VERSION; }

std::string version_text() {
  std::string sets;
  for (const Kernels* set : available_kernels())
    sets += fmt::format("{}{}", sets.empty() ? "" : ", ", set->name);
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format(
      "plexus {}\ncompiler  {}\nMPI       {}\nHDF5      {}.{}.{}\nkernels   {} (this processor: {})",
      code_version(), PLEXUS_COMPILER, mpi_library_version(), major, minor, release, kernels().name, sets);
}

}  // namespace plexus
