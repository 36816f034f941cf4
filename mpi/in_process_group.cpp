#include "mpi/in_process_group.hpp"

#include <algorithm>
#include <cstring>
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
    const std::shared_ptr<InProcessGroup>& self, int rank, int color) {
  const auto operation = arrive(rank, "split", std::as_bytes(std::span(&color, 1)));
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
