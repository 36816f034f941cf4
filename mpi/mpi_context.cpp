#include "mpi/mpi_context.hpp"

#define OMPI_SKIP_MPICXX 1  // only the C interface: the C++ one left the standard in MPI 3.0
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <numeric>

#include "mpi/watchdog.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

void check(int code, const char* call) {
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
  check(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
        "MPI_Testall");
  return done != 0;
}

void finish(std::span<MPI_Request> requests) {
  // A sum of a few words between cores takes some microseconds, a few hundred polls; whoever waits longer
  // makes room.
  constexpr int polls_before_yielding = 200;
  for (int polls = 0; !complete(requests); ++polls) {
    if (polls >= polls_before_yielding) sched_yield();
  }
}

class MpiSum final : public PendingSum {
 public:
  template <class T>
  MpiSum(std::span<T> values, std::size_t piece, MPI_Datatype type, std::int64_t number) : number_(number) {
    requests_.reserve((values.size() + piece - 1) / piece);
    for (std::size_t first = 0; first < values.size(); first += piece) {
      const auto part = values.subspan(first, std::min(piece, values.size() - first));
      MPI_Request request = MPI_REQUEST_NULL;
      check(MPI_Iallreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), type, MPI_SUM,
                           MPI_COMM_WORLD, &request),
            "MPI_Iallreduce");
      requests_.push_back(request);
    }
  }

  ~MpiSum() override {
    try {
      wait();
    } catch (const std::exception&) {
      // Who made the sum learns of the broken transport from its next call.
    }
  }

  // Completed requests are null, for which the calls below return at once.
  bool test() override { return complete(requests_); }

  void wait() override {
    if (complete(requests_)) return;
    const activity::Collective waiting("sum", number_);
    finish(requests_);
  }

 private:
  std::vector<MPI_Request> requests_;
  std::int64_t number_;
};

}  // namespace

MpiContext::MpiContext(int& argc, char**& argv, std::size_t piece_bytes)
    : piece_bytes_(piece_bytes), exceptions_at_start_(std::uncaught_exceptions()) {
  ensure(piece_bytes >= sizeof(std::int64_t) && piece_bytes <= default_piece_bytes, "pieces of {} bytes",
         piece_bytes);
  int provided = 0;
  check(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  ensure(provided >= MPI_THREAD_FUNNELED,
         "this MPI library does not allow programs with threads. Use one built with thread support.");
}

MpiContext::~MpiContext() {
  if (std::uncaught_exceptions() > exceptions_at_start_) return;
  MPI_Finalize();
}

void MpiContext::barrier() {
  const activity::Collective waiting("barrier", ++collectives_);
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Ibarrier(MPI_COMM_WORLD, &request), "MPI_Ibarrier");
  finish({&request, 1});
}

void MpiContext::broadcast_pieces(std::span<std::byte> bytes, int root) {
  for (std::size_t first = 0; first < bytes.size(); first += piece_bytes_) {
    const auto part = bytes.subspan(first, std::min(piece_bytes_, bytes.size() - first));
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, root, MPI_COMM_WORLD, &request),
          "MPI_Ibcast");
    finish({&request, 1});
  }
}

void MpiContext::broadcast(std::span<std::byte> bytes, int root) {
  ensure(root >= 0 && root < size_, "broadcast from rank {}, but there are {} ranks", root, size_);
  const activity::Collective waiting("broadcast", ++collectives_);
  broadcast_pieces(bytes, root);
}

std::vector<std::vector<std::byte>> MpiContext::allgather(std::span<const std::byte> bytes) {
  const activity::Collective waiting("allgather", ++collectives_);
  const auto ranks = static_cast<std::size_t>(size_);
  const auto my_size = static_cast<std::int64_t>(bytes.size());
  std::vector<std::int64_t> sizes(ranks);
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Iallgather(&my_size, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, MPI_COMM_WORLD, &request),
        "MPI_Iallgather");
  finish({&request, 1});

  std::vector<std::vector<std::byte>> all(ranks);
  const auto total = static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}));
  if (total > piece_bytes_) {  // places in one common buffer could exceed an int
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      if (static_cast<int>(rank) == rank_) {
        all[rank].assign(bytes.begin(), bytes.end());
      } else {
        all[rank].resize(static_cast<std::size_t>(sizes[rank]));
      }
      broadcast_pieces(all[rank], static_cast<int>(rank));
    }
    return all;
  }

  const std::vector<int> counts(sizes.begin(), sizes.end());
  std::vector<int> places(ranks, 0);
  std::partial_sum(counts.begin(), counts.end() - 1, places.begin() + 1);
  std::vector<std::byte> joined(total);
  check(MPI_Iallgatherv(bytes.data(), counts[static_cast<std::size_t>(rank_)], MPI_BYTE, joined.data(),
                        counts.data(), places.data(), MPI_BYTE, MPI_COMM_WORLD, &request),
        "MPI_Iallgatherv");
  finish({&request, 1});
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const auto first = joined.begin() + places[rank];
    all[rank].assign(first, first + counts[rank]);
  }
  return all;
}

std::unique_ptr<PendingSum> MpiContext::start_sum(std::span<std::int64_t> values) {
  return std::make_unique<MpiSum>(values, piece_bytes_ / sizeof(std::int64_t), MPI_INT64_T, ++collectives_);
}

std::unique_ptr<PendingSum> MpiContext::start_sum(std::span<float> values) {
  return std::make_unique<MpiSum>(values, piece_bytes_ / sizeof(float), MPI_FLOAT, ++collectives_);
}

void MpiContext::abort(int exit_code) {
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  _exit(exit_code);  // MPI_Abort does not return, but nothing in its declaration says so
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
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
