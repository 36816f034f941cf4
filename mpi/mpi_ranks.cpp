#include "mpi/mpi_ranks.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>

#include "mpi/communicator.hpp"
#include "mpi/message_sums.hpp"
#include "mpi/mpi_peer_messages.hpp"
#include "mpi/shared_memory.hpp"
#include "mpi/watchdog.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

/// Replaces each value by its reduction over the ranks.
void reduce(const Communicator& communicator, std::span<std::int64_t> values, MPI_Op operation,
            std::size_t piece_bytes) {
  const std::size_t piece = piece_bytes / sizeof(std::int64_t);
  for (std::size_t first = 0; first < values.size(); first += piece) {
    const auto part = values.subspan(first, std::min(piece, values.size() - first));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), MPI_INT64_T, operation,
                             communicator.get(), &request),
              "MPI_Iallreduce");
    finish({&request, 1});
  }
}

}  // namespace

MpiRanks::MpiRanks(std::shared_ptr<const Communicator> communicator, const Options& options)
    : MpiRanks(std::move(communicator), options, std::make_shared<std::int64_t>(0)) {}

MpiRanks::MpiRanks(std::shared_ptr<const Communicator> communicator, const Options& options,
                   std::shared_ptr<std::int64_t> collectives)
    : communicator_(std::move(communicator)),
      options_(options),
      on_one_machine_(communicator_->on_one_machine()),
      collectives_(std::move(collectives)) {
  ensure(options.piece_bytes >= sizeof(std::int64_t) && options.piece_bytes <= default_piece_bytes,
         "pieces of {} bytes", options.piece_bytes);
}

int MpiRanks::rank() const { return communicator_->rank(); }

int MpiRanks::size() const { return communicator_->size(); }

DistributedContext::JobRanks MpiRanks::job_ranks() const {
  return {communicator_->ranks_of_world(), Communicator::world()->size()};
}

/// @throws Fault if this is not the collective call that the other ranks make
void MpiRanks::check_same(const char* call, std::size_t count, int root) const {
  if (!options_.check_calls) return;
  constexpr int room = 64;
  std::array<char, room> own{};
  fmt::format_to_n(own.data(), room - 1, "{}, size {}, root {}", call, count, root);
  std::vector<char> all(static_cast<std::size_t>(size()) * room);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(
      MPI_Iallgather(own.data(), room, MPI_CHAR, all.data(), room, MPI_CHAR, communicator_->get(), &request),
      "MPI_Iallgather");
  finish({&request, 1});
  for (int peer = 0; peer < size(); ++peer) {
    const std::string other(all.data() + peer * room);
    ensure(other == own.data(), "collective call no. {} is '{}' on rank {} but '{}' on rank {}",
           *collectives_, own.data(), rank(), other, peer);
  }
}

std::unique_ptr<DistributedContext> MpiRanks::split(int color) {
  ensure(color >= 0, "a part of the ranks has colour {}", color);
  const activity::Collective waiting("split", ++*collectives_);
  check_same("split");
  meet();
  return std::unique_ptr<MpiRanks>(new MpiRanks(communicator_->split(color), options_, collectives_));
}

/// Waits for all ranks. MPI's own waiting, in calls that have no other, is then short.
void MpiRanks::meet() {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(communicator_->get(), &request), "MPI_Ibarrier");
  finish({&request, 1});
}

void MpiRanks::barrier() {
  const activity::Collective waiting("barrier", ++*collectives_);
  check_same("barrier");
  meet();
}

void MpiRanks::broadcast_pieces(std::span<std::byte> bytes, int root) {
  for (std::size_t first = 0; first < bytes.size(); first += options_.piece_bytes) {
    const auto part = bytes.subspan(first, std::min(options_.piece_bytes, bytes.size() - first));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, root, communicator_->get(),
                         &request),
              "MPI_Ibcast");
    finish({&request, 1});
  }
}

void MpiRanks::broadcast(std::span<std::byte> bytes, int root) {
  ensure(root >= 0 && root < size(), "broadcast from rank {}, but there are {} ranks", root, size());
  const activity::Collective waiting("broadcast", ++*collectives_);
  check_same("broadcast", bytes.size(), root);
  broadcast_pieces(bytes, root);
}

std::vector<std::vector<std::byte>> MpiRanks::allgather(std::span<const std::byte> bytes) {
  const activity::Collective waiting("allgather", ++*collectives_);
  check_same("allgather");
  const auto ranks = static_cast<std::size_t>(size());
  const auto my_size = static_cast<std::int64_t>(bytes.size());
  std::vector<std::int64_t> sizes(ranks);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(
      MPI_Iallgather(&my_size, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, communicator_->get(), &request),
      "MPI_Iallgather");
  finish({&request, 1});

  std::vector<std::vector<std::byte>> all(ranks);
  const auto total = static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}));
  if (total > options_.piece_bytes) {  // places in one common buffer could exceed an int
    for (std::size_t root = 0; root < ranks; ++root) {
      if (static_cast<int>(root) == rank()) {
        all[root].assign(bytes.begin(), bytes.end());
      } else {
        all[root].resize(static_cast<std::size_t>(sizes[root]));
      }
      broadcast_pieces(all[root], static_cast<int>(root));
    }
    return all;
  }

  const std::vector<int> counts(sizes.begin(), sizes.end());
  std::vector<int> places(ranks, 0);
  std::partial_sum(counts.begin(), counts.end() - 1, places.begin() + 1);
  std::vector<std::byte> joined(total);
  check_mpi(MPI_Iallgatherv(bytes.data(), counts[static_cast<std::size_t>(rank())], MPI_BYTE, joined.data(),
                            counts.data(), places.data(), MPI_BYTE, communicator_->get(), &request),
            "MPI_Iallgatherv");
  finish({&request, 1});
  for (std::size_t peer = 0; peer < ranks; ++peer) {
    const auto first = joined.begin() + places[peer];
    all[peer].assign(first, first + counts[peer]);
  }
  return all;
}

void MpiRanks::exchange(std::span<const std::span<const std::byte>> outgoing, const PlaceOf& place_of) {
  const auto ranks = static_cast<std::size_t>(size());
  ensure(outgoing.size() == ranks, "bytes for {} ranks, but there are {}", outgoing.size(), ranks);
  const activity::Collective waiting("exchange", ++*collectives_);
  check_same("exchange");
  std::vector<std::int64_t> going(ranks), coming(ranks);
  for (std::size_t peer = 0; peer < ranks; ++peer)
    going[peer] = static_cast<std::int64_t>(outgoing[peer].size());
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ialltoall(going.data(), 1, MPI_INT64_T, coming.data(), 1, MPI_INT64_T, communicator_->get(),
                          &request),
            "MPI_Ialltoall");
  finish({&request, 1});

  std::vector<std::span<std::byte>> places(ranks);
  for (std::size_t peer = 0; peer < ranks; ++peer) {
    const auto bytes = static_cast<std::size_t>(coming[peer]);
    places[peer] = place_of(static_cast<int>(peer), bytes);
    ensure(places[peer].size() == bytes, "room for {} bytes, but {} come from rank {}", places[peer].size(),
           bytes, peer);
  }
  MpiPeerMessages messages(communicator_, options_.piece_bytes);
  const auto own = static_cast<std::size_t>(rank());
  for (std::size_t i = 1; i < ranks; ++i) {  // each rank begins with another one
    const std::size_t from = (own + ranks - i) % ranks;
    messages.receive(static_cast<int>(from), places[from]);
  }
  for (std::size_t i = 1; i < ranks; ++i) {
    const std::size_t to = (own + i) % ranks;
    messages.send(static_cast<int>(to), outgoing[to]);
  }
  std::ranges::copy(outgoing[own], places[own].begin());
  for (int polls = 0; messages.poll(); ++polls) between_polls(polls);
}

void MpiRanks::sum(std::span<std::int64_t> values) {
  const activity::Collective waiting("sum of integers", ++*collectives_);
  check_same("sum of integers", values.size());
  reduce(*communicator_, values, MPI_SUM, options_.piece_bytes);
}

void MpiRanks::maximum(std::span<std::int64_t> values) {
  const activity::Collective waiting("largest integers", ++*collectives_);
  check_same("largest integers", values.size());
  reduce(*communicator_, values, MPI_MAX, options_.piece_bytes);
}

template <class T>
std::unique_ptr<SumQueue<T>> MpiRanks::sums(std::size_t capacity) {
  using Shared = SharedSums<T>;
  const auto make_regions = [this](std::size_t bytes) {
    auto regions = map_shared_regions(*this, bytes);
    require(regions != nullptr,
            "no shared memory for sums of {} bytes. Make /dev/shm larger, or set PLEXUS_SHARED_MEMORY=off.",
            bytes);
    return regions;
  };
  if (options_.shared_memory && on_one_machine_) {
    auto regions = map_shared_regions(*this, Shared::region_bytes(capacity));
    const auto idle = [](int polls) {
      between_polls(polls);
      return false;
    };
    if (regions != nullptr) {
      return std::make_unique<Shared>(rank(), size(), capacity, std::move(regions), make_regions, idle);
    }
  }
  return std::make_unique<MessageSums<T>>(communicator_, capacity, options_.piece_bytes);
}

std::unique_ptr<SumQueue<std::int64_t>> MpiRanks::integer_sums(std::size_t capacity) {
  return sums<std::int64_t>(capacity);
}

std::unique_ptr<SumQueue<float>> MpiRanks::float_sums(std::size_t capacity) { return sums<float>(capacity); }

std::unique_ptr<PeerMessages> MpiRanks::peer_messages() {
  const activity::Collective waiting("peer messages", ++*collectives_);
  check_same("peer messages");
  meet();
  return std::make_unique<MpiPeerMessages>(communicator_->copy(), options_.piece_bytes);
}

void MpiRanks::abort(int exit_code) {
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  _exit(exit_code);  // MPI_Abort does not return, but nothing in its declaration says so
}

}  // namespace plexus
