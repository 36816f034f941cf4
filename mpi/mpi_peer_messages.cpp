#include "mpi/mpi_peer_messages.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "mpi/watchdog.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

constexpr int tag = 0;  // the order of posting tells messages apart

/// Calls `post(first, count)` for each piece of `bytes` bytes.
template <class Post>
void in_pieces(std::size_t bytes, std::size_t piece_bytes, Post&& post) {
  for (std::size_t first = 0; first < bytes; first += piece_bytes)
    post(first, static_cast<int>(std::min(piece_bytes, bytes - first)));
}

}  // namespace

MpiPeerMessages::MpiPeerMessages(std::shared_ptr<const Communicator> communicator, std::size_t piece_bytes)
    : communicator_(std::move(communicator)),
      piece_bytes_(piece_bytes),
      exceptions_at_start_(std::uncaught_exceptions()) {}

MpiPeerMessages::~MpiPeerMessages() {
  if (std::uncaught_exceptions() > exceptions_at_start_) return;
  try {
    wait();
  } catch (const std::exception&) {
    // Who waits for the messages learns of the broken transport from its next call.
  }
}

void MpiPeerMessages::receive(int peer, std::span<std::byte> place) {
  ensure(peer >= 0 && peer < communicator_->size(), "a message from rank {}, but there are {} ranks", peer,
         communicator_->size());
  in_pieces(place.size(), piece_bytes_, [&](std::size_t first, int count) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Irecv(place.data() + first, count, MPI_BYTE, peer, tag, communicator_->get(), &request),
              "MPI_Irecv");
    receives_.push_back(request);
    lengths_.push_back(count);
  });
}

void MpiPeerMessages::send(int peer, std::span<const std::byte> bytes) {
  ensure(peer >= 0 && peer < communicator_->size(), "a message to rank {}, but there are {} ranks", peer,
         communicator_->size());
  in_pieces(bytes.size(), piece_bytes_, [&](std::size_t first, int count) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Isend(bytes.data() + first, count, MPI_BYTE, peer, tag, communicator_->get(), &request),
              "MPI_Isend");
    sends_.push_back(request);
  });
}

bool MpiPeerMessages::all_received() {
  if (receives_.empty()) return true;
  statuses_.resize(receives_.size());
  int done = 0;
  const int code = MPI_Testall(static_cast<int>(receives_.size()), receives_.data(), &done, statuses_.data());
  for (const auto& status : statuses_) {
    if (code == MPI_ERR_IN_STATUS && status.MPI_ERROR != MPI_ERR_PENDING)
      check_mpi(status.MPI_ERROR, "MPI_Irecv");
  }
  check_mpi(code, "MPI_Testall");
  if (done == 0) return false;
  for (std::size_t i = 0; i < statuses_.size(); ++i) {
    int length = 0;
    check_mpi(MPI_Get_count(&statuses_[i], MPI_BYTE, &length), "MPI_Get_count");
    ensure(length == lengths_[i], "a message from rank {} has {} bytes instead of {}",
           statuses_[i].MPI_SOURCE, length, lengths_[i]);
  }
  receives_.clear();
  lengths_.clear();
  return true;
}

bool MpiPeerMessages::all_sent() {
  if (sends_.empty()) return true;
  if (!plexus::complete(sends_)) return false;
  sends_.clear();
  return true;
}

bool MpiPeerMessages::complete() { return all_received() && all_sent(); }

void MpiPeerMessages::poll() {
  // To ask for one that is not complete moves all that are under way.
  static_cast<void>(complete());
}

template <class Done>
void MpiPeerMessages::wait_until(Done&& done) {
  const std::int64_t number = ++waits_;
  if (done()) return;
  const activity::Collective waiting("messages of other ranks", number);
  for (int polls = 0; !done(); ++polls) between_polls(polls);
}

void MpiPeerMessages::wait_received() {
  wait_until([this] { return all_received(); });
}

void MpiPeerMessages::wait() {
  wait_until([this] { return complete(); });
}

}  // namespace plexus
