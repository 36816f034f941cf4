#include "mpi/in_process_group.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <thread>

#include "src/support/error.hpp"

namespace plexus {

InProcessGroup::InProcessGroup(int size)
    : job_(std::make_shared<Job>()),
      members_(static_cast<std::size_t>(std::max(size, 0)), Member::none),
      calls_(members_.size(), 0),
      memory_calls_(members_.size(), 0) {
  ensure(size >= 1, "a group needs at least one rank, not {}", size);
}

InProcessGroup::InProcessGroup(std::shared_ptr<InProcessGroup> whole, std::vector<int> ranks)
    : job_(whole->job_),
      whole_(std::move(whole)),
      ranks_(std::move(ranks)),
      members_(ranks_.size(), Member::none),
      calls_(members_.size(), 0),
      memory_calls_(members_.size(), 0) {}

DistributedContext::JobRanks InProcessGroup::job_ranks() const {
  DistributedContext::JobRanks job{ranks_, size()};
  if (is_part()) {
    const DistributedContext::JobRanks whole = whole_->job_ranks();
    for (int& rank : job.ranks) rank = whole.ranks[static_cast<std::size_t>(rank)];
    job.size = whole.size;
  } else {
    job.ranks.resize(members_.size());
    std::iota(job.ranks.begin(), job.ranks.end(), 0);
  }
  return job;
}

void InProcessGroup::join(int rank) {
  const std::lock_guard lock(job_->mutex);
  ensure(rank >= 0 && rank < size(), "rank {} does not exist in a group of {}", rank, size());
  ensure(member(rank) == Member::none, "rank {} is taken", rank);
  member(rank) = Member::here;
}

void InProcessGroup::leave(int rank) {
  const std::lock_guard lock(job_->mutex);
  member(rank) = Member::gone;
  job_->changed.notify_all();
}

void InProcessGroup::poison(int exit_code, const std::string& why) {
  const std::lock_guard lock(job_->mutex);
  if (!job_->ended) job_->ended.emplace(exit_code, why);
  job_->changed.notify_all();
}

std::shared_ptr<InProcessGroup::Operation> InProcessGroup::arrive(int rank, const std::string& call,
                                                                  std::span<const std::byte> part) {
  const std::lock_guard lock(job_->mutex);
  throw_if_ended();
  const std::uint64_t number = calls_[static_cast<std::size_t>(rank)]++;
  auto& operation = open_[number];
  if (!operation) {
    operation = std::make_shared<Operation>();
    operation->number = number;
    operation->call = call;
    operation->first_rank = rank;
    operation->parts.resize(calls_.size());
  }
  ensure(operation->call == call, "collective call no. {} is '{}' on rank {} but '{}' on rank {}", number,
         operation->call, operation->first_rank, call, rank);
  operation->parts[static_cast<std::size_t>(rank)].assign(part.begin(), part.end());
  std::shared_ptr<Operation> mine = operation;
  if (++operation->arrived == size()) {
    open_.erase(number);  // the ranks keep it alive from here on
    job_->changed.notify_all();
  }
  return mine;
}

void InProcessGroup::wait(const Operation& operation) {
  std::unique_lock lock(job_->mutex);
  while (operation.arrived != size()) {
    throw_if_impossible(operation);
    job_->changed.wait(lock);
  }
}

std::pair<std::shared_ptr<InProcessGroup>, int> InProcessGroup::split(
    const std::shared_ptr<InProcessGroup>& self, int rank, const std::string& call, int color) {
  const auto operation = arrive(rank, call, std::as_bytes(std::span(&color, 1)));
  wait(*operation);
  std::vector<int> ranks;
  for (int other = 0; other < size(); ++other) {
    int its_color;
    std::memcpy(&its_color, operation->parts[static_cast<std::size_t>(other)].data(), sizeof(its_color));
    if (its_color == color) ranks.push_back(other);
  }
  const auto place = static_cast<int>(std::ranges::find(ranks, rank) - ranks.begin());

  const std::lock_guard lock(job_->mutex);
  auto& group = operation->groups[color];
  if (!group) group = std::make_shared<InProcessGroup>(self, std::move(ranks));
  return {group, place};
}

InProcessGroup::Channel& InProcessGroup::channel(int from, int to) {
  const std::size_t ranks = members_.size();
  if (channels_.empty()) channels_.resize(ranks * ranks);
  auto& found = channels_[static_cast<std::size_t>(from) * ranks + static_cast<std::size_t>(to)];
  // Which side is ahead, and how far, may change from round to round: both get their room at once.
  constexpr std::size_t most_in_tests = 64;
  found.sends.reserve(most_in_tests);
  found.receives.reserve(most_in_tests);
  return found;
}

void InProcessGroup::copy_what_meets(int from, int to, int label) {
  auto& [sends, receives] = channel(from, to);
  const auto send = std::ranges::find(sends, label, &Send::label);
  const auto receive = std::ranges::find(receives, label, &Receive::label);
  if (send == sends.end() || receive == receives.end()) return;
  ensure(send->bytes.size() == receive->place.size(),
         "a message of {} bytes from rank {}, but room for {} on rank {}", send->bytes.size(), from,
         receive->place.size(), to);
  std::ranges::copy(send->bytes, receive->place.begin());
  sends.erase(send);
  receives.erase(receive);
  job_->changed.notify_all();
}

void InProcessGroup::post_receive(int rank, int peer, int label, std::size_t number,
                                  std::span<std::byte> place) {
  const std::lock_guard lock(job_->mutex);
  throw_if_ended();
  ensure(peer >= 0 && peer < size(), "a message from rank {}, but there are {} ranks", peer, size());
  if (place.empty()) return;
  channel(peer, rank).receives.push_back({label, number, place});
  copy_what_meets(peer, rank, label);
}

void InProcessGroup::post_send(int rank, int peer, int label, std::span<const std::byte> bytes) {
  const std::lock_guard lock(job_->mutex);
  throw_if_ended();
  ensure(peer >= 0 && peer < size(), "a message to rank {}, but there are {} ranks", peer, size());
  if (bytes.empty()) return;
  channel(rank, peer).sends.push_back({label, bytes});
  copy_what_meets(rank, peer, label);
}

bool InProcessGroup::has_posted(int rank) {
  const std::lock_guard lock(job_->mutex);
  throw_if_ended();
  for (int peer = 0; peer < size(); ++peer) {
    if (!channel(peer, rank).receives.empty() || !channel(rank, peer).sends.empty()) return true;
  }
  return false;
}

template <class Waits>
void InProcessGroup::wait_for_peers(int rank, Waits&& waits_for) {
  std::unique_lock lock(job_->mutex);
  for (int peer = 0; peer < size(); ++peer) {
    while (waits_for(peer)) {
      throw_if_ended();
      ensure(!is_gone(peer), "rank {} has left without a message that rank {} waits for", peer, rank);
      job_->changed.wait(lock);
    }
  }
}

void InProcessGroup::wait_received(int rank, std::size_t end) {
  wait_for_peers(rank, [&](int peer) {
    return std::ranges::any_of(channel(peer, rank).receives,
                               [&](const Receive& receive) { return receive.number < end; });
  });
}

void InProcessGroup::wait_sent(int rank) {
  wait_for_peers(rank, [&](int peer) { return !channel(rank, peer).sends.empty(); });
}

void InProcessGroup::withdraw_messages(int rank) {
  const std::lock_guard lock(job_->mutex);
  if (channels_.empty()) return;
  for (int peer = 0; peer < size(); ++peer) {
    channel(peer, rank).receives.clear();
    channel(rank, peer).sends.clear();
  }
}

std::shared_ptr<AlignedVector<std::byte>> InProcessGroup::memory(int rank, std::size_t bytes_per_rank) {
  const std::lock_guard lock(job_->mutex);
  throw_if_ended();
  const std::size_t number = memory_calls_[static_cast<std::size_t>(rank)]++;
  if (memory_.size() <= number) memory_.resize(number + 1);
  const std::size_t bytes = bytes_per_rank * members_.size();
  if (!memory_[number]) memory_[number] = std::make_shared<AlignedVector<std::byte>>(bytes);
  ensure(memory_[number]->size() == bytes, "rank {} asks for other memory than the ranks before it", rank);
  return memory_[number];
}

bool InProcessGroup::is_incomplete() {
  std::this_thread::yield();
  const std::lock_guard lock(job_->mutex);
  throw_if_ended();
  for (int rank = 0; rank < size(); ++rank) {
    if (is_gone(rank)) return true;
  }
  return false;
}

bool InProcessGroup::is_gone(int rank) const {
  const auto index = static_cast<std::size_t>(rank);
  return members_[index] == Member::gone || (is_part() && whole_->is_gone(ranks_[index]));
}

void InProcessGroup::throw_if_ended() const {
  if (job_->ended) throw JobAborted(*job_->ended);
}

void InProcessGroup::throw_if_impossible(const Operation& operation) const {
  throw_if_ended();
  for (int rank = 0; rank < size(); ++rank) {
    ensure(!is_gone(rank) || calls_[static_cast<std::size_t>(rank)] > operation.number,
           "rank {} has left without collective call no. {} ('{}'), which rank {} has made", rank,
           operation.number, operation.call, operation.first_rank);
  }
}

std::shared_ptr<InProcessGroup> make_in_process_group(int size) {
  return std::make_shared<InProcessGroup>(size);
}

void poison(InProcessGroup& group, int exit_code, const std::string& why) { group.poison(exit_code, why); }

}  // namespace plexus
