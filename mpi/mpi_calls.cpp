#include "mpi/mpi_calls.hpp"

#include <array>
#include <string_view>

#include "src/support/error.hpp"

namespace plexus {

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) length = 0;
  throw Fault(
      fmt::format("{} failed: {} (MPI error {}). The network, a node or another rank has a problem; resume "
                  "the job from its last checkpoint.",
                  call, std::string_view(text.data(), static_cast<std::size_t>(length)), code));
}

bool complete(std::span<MPI_Request> requests) {
  int done = 0;
  check_mpi(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
            "MPI_Testall");
  return done != 0;
}

void finish(std::span<MPI_Request> requests) {
  for (int polls = 0; !complete(requests); ++polls) between_polls(polls);
}

}  // namespace plexus
