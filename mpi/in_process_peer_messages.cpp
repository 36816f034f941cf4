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

std::size_t InProcessPeerMessages::receive(int peer, std::span<std::byte> place, int label) {
  group_->post_receive(rank_, peer, label, receives_, place);
  if (!place.empty()) ++receives_;
  return receives_;
}

void InProcessPeerMessages::send(int peer, std::span<const std::byte> bytes, int label) {
  group_->post_send(rank_, peer, label, bytes);
}

bool InProcessPeerMessages::poll() { return group_->has_posted(rank_); }

void InProcessPeerMessages::wait_received(std::size_t count) { group_->wait_received(rank_, count); }

void InProcessPeerMessages::wait() {
  group_->wait_received(rank_, receives_);
  group_->wait_sent(rank_);
  receives_ = 0;
}

}  // namespace plexus
