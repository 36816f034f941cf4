#include "mpi/mpi_peer_messages.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "mpi/watchdog.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

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

std::size_t MpiPeerMessages::receive(int peer, std::span<std::byte> place, int label) {
  ensure(peer >= 0 && peer < communicator_->size(), "a message from rank {}, but there are {} ranks", peer,
         communicator_->size());
  in_pieces(place.size(), piece_bytes_, [&](std::size_t first, int count) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Irecv(place.data() + first, count, MPI_BYTE, peer, label, communicator_->get(), &request),
              "MPI_Irecv");
    receives_.push_back(request);
    lengths_.push_back(count);
  });
  if (!place.empty()) ends_.push_back(receives_.size());
  return ends_.size();
}

void MpiPeerMessages::send(int peer, std::span<const std::byte> bytes, int label) {
  ensure(peer >= 0 && peer < communicator_->size(), "a message to rank {}, but there are {} ranks", peer,
         communicator_->size());
  in_pieces(bytes.size(), piece_bytes_, [&](std::size_t first, int count) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Isend(bytes.data() + first, count, MPI_BYTE, peer, label, communicator_->get(), &request),
              "MPI_Isend");
    sends_.push_back(request);
  });
}

bool MpiPeerMessages::received(std::size_t count) {
  const std::size_t end = count < ends_.size() ? (count == 0 ? 0 : ends_[count - 1]) : receives_.size();
  if (arrived_ >= end) return true;
  const std::size_t missing = end - arrived_;
  statuses_.resize(std::max(statuses_.size(), missing));
  const std::span statuses(statuses_.data(), missing);
  int done = 0;
  const int code =
      MPI_Testall(static_cast<int>(missing), receives_.data() + arrived_, &done, statuses.data());
  for (const auto& status : statuses) {
    if (code == MPI_ERR_IN_STATUS && status.MPI_ERROR != MPI_ERR_PENDING)
      check_mpi(status.MPI_ERROR, "MPI_Irecv");
  }
  check_mpi(code, "MPI_Testall");
  if (done == 0) return false;
  for (const auto& status : statuses) {
    int length = 0;
    check_mpi(MPI_Get_count(&status, MPI_BYTE, &length), "MPI_Get_count");
    ensure(length == lengths_[arrived_], "a message from rank {} has {} bytes instead of {}",
           status.MPI_SOURCE, length, lengths_[arrived_]);
    ++arrived_;
  }
  return true;
}

bool MpiPeerMessages::all_sent() {
  if (sends_.empty()) return true;
  if (!plexus::complete(sends_)) return false;
  sends_.clear();
  return true;
}

bool MpiPeerMessages::poll() {
  // To ask for one that is not complete moves all that are under way.
  return !received(all) || !all_sent();
}

template <class Done>
void MpiPeerMessages::wait_until(Done&& done) {
  const activity::Collective waiting("messages of other ranks", ++waits_);
  for (int polls = 0; !done(); ++polls) between_polls(polls);
}

void MpiPeerMessages::wait_received(std::size_t count) {
  wait_until([&] { return received(count); });
}

void MpiPeerMessages::wait() {
  wait_until([this] { return !poll(); });
  receives_.clear();
  lengths_.clear();
  ends_.clear();
  arrived_ = 0;
}

}  // namespace plexus
