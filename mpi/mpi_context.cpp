#include "mpi/mpi_context.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <numeric>

#include "mpi/message_sums.hpp"
#include "mpi/mpi_calls.hpp"
#include "mpi/shared_memory.hpp"
#include "mpi/watchdog.hpp"
#include "src/support/error.hpp"

namespace plexus {

MpiContext::MpiContext(int& argc, char**& argv, const Options& options)
    : options_(options), exceptions_at_start_(std::uncaught_exceptions()) {
  ensure(options.piece_bytes >= sizeof(std::int64_t) && options.piece_bytes <= default_piece_bytes,
         "pieces of {} bytes", options.piece_bytes);
  int provided = 0;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  ensure(provided >= MPI_THREAD_FUNNELED,
         "this MPI library does not allow programs with threads. Use one built with thread support.");
  MPI_Comm machine = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine),
            "MPI_Comm_split_type");
  int neighbours = 0;
  check_mpi(MPI_Comm_size(machine, &neighbours), "MPI_Comm_size");
  check_mpi(MPI_Comm_free(&machine), "MPI_Comm_free");
  options_.shared_memory = options.shared_memory && neighbours == size_;
}

MpiContext::~MpiContext() {
  if (std::uncaught_exceptions() > exceptions_at_start_) return;
  MPI_Finalize();
}

void MpiContext::barrier() {
  const activity::Collective waiting("barrier", ++collectives_);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(MPI_COMM_WORLD, &request), "MPI_Ibarrier");
  finish({&request, 1});
}

void MpiContext::broadcast_pieces(std::span<std::byte> bytes, int root) {
  for (std::size_t first = 0; first < bytes.size(); first += options_.piece_bytes) {
    const auto part = bytes.subspan(first, std::min(options_.piece_bytes, bytes.size() - first));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(
        MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, root, MPI_COMM_WORLD, &request),
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
  check_mpi(MPI_Iallgather(&my_size, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, MPI_COMM_WORLD, &request),
            "MPI_Iallgather");
  finish({&request, 1});

  std::vector<std::vector<std::byte>> all(ranks);
  const auto total = static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}));
  if (total > options_.piece_bytes) {  // places in one common buffer could exceed an int
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
  check_mpi(MPI_Iallgatherv(bytes.data(), counts[static_cast<std::size_t>(rank_)], MPI_BYTE, joined.data(),
                            counts.data(), places.data(), MPI_BYTE, MPI_COMM_WORLD, &request),
            "MPI_Iallgatherv");
  finish({&request, 1});
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const auto first = joined.begin() + places[rank];
    all[rank].assign(first, first + counts[rank]);
  }
  return all;
}

void MpiContext::sum(std::span<std::int64_t> values) {
  const activity::Collective waiting("sum of integers", ++collectives_);
  const std::size_t piece = options_.piece_bytes / sizeof(std::int64_t);
  for (std::size_t first = 0; first < values.size(); first += piece) {
    const auto part = values.subspan(first, std::min(piece, values.size() - first));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), MPI_INT64_T, MPI_SUM,
                             MPI_COMM_WORLD, &request),
              "MPI_Iallreduce");
    finish({&request, 1});
  }
}

template <class T>
std::unique_ptr<SumQueue<T>> MpiContext::sums(std::size_t capacity) {
  using Shared = SharedSums<T>;
  const auto make_regions = [this](std::size_t bytes) {
    auto regions = map_shared_regions(*this, bytes);
    require(regions != nullptr,
            "no shared memory for sums of {} bytes. Make /dev/shm larger, or set PLEXUS_SHARED_MEMORY=off.",
            bytes);
    return regions;
  };
  if (options_.shared_memory) {
    auto regions = map_shared_regions(*this, Shared::region_bytes(capacity));
    const auto idle = [](int polls) {
      between_polls(polls);
      return false;
    };
    if (regions != nullptr) {
      return std::make_unique<Shared>(rank_, size_, capacity, std::move(regions), make_regions, idle);
    }
  }
  return std::make_unique<MessageSums<T>>(capacity, options_.piece_bytes);
}

std::unique_ptr<SumQueue<std::int64_t>> MpiContext::integer_sums(std::size_t capacity) {
  return sums<std::int64_t>(capacity);
}

std::unique_ptr<SumQueue<float>> MpiContext::float_sums(std::size_t capacity) {
  return sums<float>(capacity);
}

void MpiContext::abort(int exit_code) {
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  _exit(exit_code);  // MPI_Abort does not return, but nothing in its declaration says so
}

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
