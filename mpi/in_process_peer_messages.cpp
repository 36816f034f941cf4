#include "mpi/in_process_peer_messages.hpp"

#include <exception>
#include <utility>

namespace plexus {

InProcessPeerMessages::InProcessPeerMessages(std::shared_ptr<InProcessGroup> group, int rank)
    : group_(std::move(group)), rank_(rank), exceptions_at_start_(std::uncaught_exceptions()) {
  group_->join(rank);
}

InProcessPeerMessages::~InProcessPeerMessages() {
  const bool failing = std::uncaught_exceptions() > exceptions_at_start_;
  try {
    if (!failing) wait();
  } catch (const std::exception&) {
    // Who waits for the messages learns of the failure from its next call.
  }
  group_->withdraw_messages(rank_);
  if (!failing) group_->leave(rank_);
}

void InProcessPeerMessages::receive(int peer, std::span<std::byte> place) {
  group_->post_receive(rank_, peer, place);
}

void InProcessPeerMessages::send(int peer, std::span<const std::byte> bytes) {
  group_->post_send(rank_, peer, bytes);
}

void InProcessPeerMessages::wait_received() { group_->wait_received(rank_); }

void InProcessPeerMessages::wait() {
  group_->wait_received(rank_);
  group_->wait_sent(rank_);
}

}  // namespace plexus
