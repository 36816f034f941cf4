#include "mpi/in_process_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "mpi/shared_sums.hpp"
#include "src/support/aligned.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

/// One collective call, matched by its place in the sequence of calls of each rank.
struct Operation {
  std::uint64_t number = 0;
  std::string call;    // as the first rank that arrived made it
  int first_rank = 0;  // that rank
  std::vector<std::vector<std::byte>>
      parts;  // what each rank brought; nobody writes to it once it is complete
  int arrived = 0;
};

}  // namespace

class InProcessGroup {
 public:
  explicit InProcessGroup(int size)
      : calls_(static_cast<std::size_t>(size), 0),
        memory_calls_(calls_.size(), 0),
        members_(calls_.size(), Member::none) {
    ensure(size >= 1, "a group needs at least one rank, not {}", size);
  }

  [[nodiscard]] int size() const { return static_cast<int>(calls_.size()); }

  void join(int rank) {
    const std::lock_guard lock(mutex_);
    ensure(rank >= 0 && rank < size(), "rank {} does not exist in a group of {}", rank, size());
    ensure(member(rank) == Member::none, "rank {} is taken", rank);
    member(rank) = Member::here;
  }

  void leave(int rank) {
    const std::lock_guard lock(mutex_);
    member(rank) = Member::gone;
    changed_.notify_all();
  }

  void poison(int exit_code, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (!ended_) ended_.emplace(exit_code, why);
    changed_.notify_all();
  }

  /// Brings the part of `rank` to its next collective call. Does not wait.
  std::shared_ptr<const Operation> arrive(int rank, const std::string& call,
                                          std::span<const std::byte> part) {
    const std::lock_guard lock(mutex_);
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
    std::shared_ptr<const Operation> mine = operation;
    if (++operation->arrived == size()) {
      open_.erase(number);  // the ranks keep it alive from here on
      changed_.notify_all();
    }
    return mine;
  }

  /// Memory that all ranks get which ask for as many bytes for each rank, the n-th time that they ask. Does
  /// not wait.
  std::shared_ptr<AlignedVector<std::byte>> memory(int rank, std::size_t bytes_per_rank) {
    const std::lock_guard lock(mutex_);
    throw_if_ended();
    const std::size_t number = memory_calls_[static_cast<std::size_t>(rank)]++;
    if (memory_.size() <= number) memory_.resize(number + 1);
    const std::size_t bytes = bytes_per_rank * calls_.size();
    if (!memory_[number]) memory_[number] = std::make_shared<AlignedVector<std::byte>>(bytes);
    ensure(memory_[number]->size() == bytes, "rank {} asks for other memory than the ranks before it", rank);
    return memory_[number];
  }

  /// Gives up the processor. @return whether a rank has left
  bool is_incomplete() {
    std::this_thread::yield();
    const std::lock_guard lock(mutex_);
    throw_if_ended();
    return std::ranges::count(members_, Member::gone) > 0;
  }

  void wait(const Operation& operation) {
    std::unique_lock lock(mutex_);
    while (operation.arrived != size()) {
      throw_if_impossible(operation);
      changed_.wait(lock);
    }
  }

 private:
  enum class Member { none, here, gone };

  Member& member(int rank) { return members_[static_cast<std::size_t>(rank)]; }

  void throw_if_ended() const {
    if (ended_) throw JobAborted(*ended_);
  }

  void throw_if_impossible(const Operation& operation) {
    throw_if_ended();
    for (int rank = 0; rank < size(); ++rank) {
      ensure(member(rank) != Member::gone || calls_[static_cast<std::size_t>(rank)] > operation.number,
             "rank {} has left without collective call no. {} ('{}'), which rank {} has made", rank,
             operation.number, operation.call, operation.first_rank);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> calls_;       // collective calls made, by rank
  std::vector<std::size_t> memory_calls_;  // the same for calls of `memory`
  std::vector<std::shared_ptr<AlignedVector<std::byte>>> memory_;
  std::vector<Member> members_;
  std::map<std::uint64_t, std::shared_ptr<Operation>> open_;  // by number
  std::optional<JobAborted> ended_;
};

namespace {

std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

/// Regions of one allocation, which the ranks keep alive together.
class HeapRegions final : public SharedRegions {
 public:
  HeapRegions(std::shared_ptr<AlignedVector<std::byte>> memory, std::size_t region_bytes)
      : memory_(std::move(memory)), region_bytes_(region_bytes) {}
  [[nodiscard]] std::byte* of_rank(int rank) const override {
    return memory_->data() + static_cast<std::size_t>(rank) * region_bytes_;
  }

 private:
  std::shared_ptr<AlignedVector<std::byte>> memory_;
  std::size_t region_bytes_;
};

}  // namespace

std::shared_ptr<InProcessGroup> make_in_process_group(int size) {
  return std::make_shared<InProcessGroup>(size);
}

void poison(InProcessGroup& group, int exit_code, const std::string& why) { group.poison(exit_code, why); }

InProcessContext::InProcessContext() : InProcessContext(make_in_process_group(1), 0) {}

InProcessContext::InProcessContext(std::shared_ptr<InProcessGroup> group, int rank)
    : group_(std::move(group)), rank_(rank) {
  group_->join(rank);
}

InProcessContext::~InProcessContext() { group_->leave(rank_); }

int InProcessContext::size() const { return group_->size(); }

void InProcessContext::barrier() { group_->wait(*group_->arrive(rank_, "barrier", {})); }

void InProcessContext::broadcast(std::span<std::byte> bytes, int root) {
  ensure(root >= 0 && root < size(), "broadcast from rank {}, but there are {} ranks", root, size());
  const auto call = fmt::format("broadcast of {} bytes from rank {}", bytes.size(), root);
  const std::span<const std::byte> part = rank_ == root ? bytes : std::span<std::byte>();
  const auto operation = group_->arrive(rank_, call, part);
  group_->wait(*operation);
  const auto& sent = operation->parts[static_cast<std::size_t>(root)];
  std::copy(sent.begin(), sent.end(), bytes.begin());
}

std::vector<std::vector<std::byte>> InProcessContext::allgather(std::span<const std::byte> bytes) {
  const auto operation = group_->arrive(rank_, "allgather", bytes);
  group_->wait(*operation);
  return operation->parts;
}

void InProcessContext::sum(std::span<std::int64_t> values) {
  const auto operation =
      group_->arrive(rank_, fmt::format("sum of {} int64", values.size()), std::as_bytes(values));
  group_->wait(*operation);
  std::fill(values.begin(), values.end(), 0);
  for (const auto& part : operation->parts) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::int64_t term;
      std::memcpy(&term, part.data() + i * sizeof(term), sizeof(term));
      values[i] = plus(values[i], term);
    }
  }
}

template <class T>
std::unique_ptr<SumQueue<T>> InProcessContext::sums(std::size_t capacity) {
  using Shared = SharedSums<T>;
  const auto make_regions = [group = group_, rank = rank_](std::size_t bytes) {
    const std::size_t region_bytes =
        (bytes + BlockRing::cache_line - 1) / BlockRing::cache_line * BlockRing::cache_line;
    return std::make_unique<HeapRegions>(group->memory(rank, region_bytes), region_bytes);
  };
  const auto idle = [group = group_](int) { return group->is_incomplete(); };
  return std::make_unique<Shared>(rank_, size(), capacity, make_regions(Shared::region_bytes(capacity)),
                                  make_regions, idle);
}

std::unique_ptr<SumQueue<std::int64_t>> InProcessContext::integer_sums(std::size_t capacity) {
  return sums<std::int64_t>(capacity);
}

std::unique_ptr<SumQueue<float>> InProcessContext::float_sums(std::size_t capacity) {
  return sums<float>(capacity);
}

void InProcessContext::abort(int exit_code) {
  const auto why = fmt::format("rank {} has ended the job with exit code {}", rank_, exit_code);
  group_->poison(exit_code, why);
  throw JobAborted(exit_code, why);
}

}  // namespace plexus
