#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mpi/in_process_context.hpp"
#include "src/support/aligned.hpp"

namespace plexus {

/// What the ranks of an `InProcessContext` share: where their collective calls meet. A part of a group is a
/// group of its own, which ends when the whole does. All its functions are safe on any thread; those that can
/// throw throw `JobAborted` once the group has ended.
class InProcessGroup {
 public:
  /// One collective call, matched by its place in the sequence of calls of each rank.
  struct Operation {
    std::uint64_t number = 0;
    std::string call;    // as the first rank that arrived made it
    int first_rank = 0;  // that rank
    std::vector<std::vector<std::byte>>
        parts;  // what each rank brought; nobody writes to it once it is complete
    int arrived = 0;
    std::map<int, std::shared_ptr<InProcessGroup>> groups;  // of a split, by colour
  };

  explicit InProcessGroup(int size);
  /// The ranks `ranks` of `whole`.
  InProcessGroup(std::shared_ptr<InProcessGroup> whole, std::vector<int> ranks);

  [[nodiscard]] int size() const { return static_cast<int>(members_.size()); }
  [[nodiscard]] bool is_part() const { return whole_ != nullptr; }
  [[nodiscard]] DistributedContext::JobRanks job_ranks() const;

  void join(int rank);
  void leave(int rank);
  void poison(int exit_code, const std::string& why);

  /// Brings the part of `rank` to its next collective call. Does not wait.
  std::shared_ptr<Operation> arrive(int rank, const std::string& call, std::span<const std::byte> part);
  /// Waits until all ranks have brought theirs.
  void wait(const Operation& operation);
  /// Waits for all ranks. @return the group of those that pass the same colour, and this one's rank there
  std::pair<std::shared_ptr<InProcessGroup>, int> split(const std::shared_ptr<InProcessGroup>& self, int rank,
                                                        const std::string& call, int color);

  /// Messages of one label between two ranks meet in the order in which each side posts them, and are copied
  /// when they do. Empty ones are not posted. What is posted stays until then, or until its rank withdraws
  /// it.
  /// @param number  of the receive, in ascending order
  void post_receive(int rank, int peer, int label, std::size_t number, std::span<std::byte> place);
  void post_send(int rank, int peer, int label, std::span<const std::byte> bytes);
  /// Whether something that the rank has posted has not been copied yet.
  [[nodiscard]] bool has_posted(int rank);
  /// Waits until the receives with numbers below `end` have got what they are for.
  void wait_received(int rank, std::size_t end);
  /// Waits until all that the rank sends has been copied.
  void wait_sent(int rank);
  void withdraw_messages(int rank);

  /// Memory that all ranks get which ask for as many bytes for each rank, the n-th time that they ask. Does
  /// not wait.
  std::shared_ptr<AlignedVector<std::byte>> memory(int rank, std::size_t bytes_per_rank);
  /// Gives up the processor. @return whether a rank has left
  bool is_incomplete();

 private:
  enum class Member { none, here, gone };

  /// What the parts of a group share with it.
  struct Job {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<JobAborted> ended;
  };

  struct Send {
    int label;
    std::span<const std::byte> bytes;
  };
  struct Receive {
    int label;
    std::size_t number;
    std::span<std::byte> place;
  };
  /// What has been posted on one side only: of each label one of the two is empty.
  struct Channel {
    std::vector<Send> sends;
    std::vector<Receive> receives;
  };

  [[nodiscard]] Channel& channel(int from, int to);
  void copy_what_meets(int from, int to, int label);
  template <class Waits>
  void wait_for_peers(int rank, Waits&& waits_for);

  [[nodiscard]] Member& member(int rank) { return members_[static_cast<std::size_t>(rank)]; }
  [[nodiscard]] bool is_gone(int rank) const;
  void throw_if_ended() const;
  void throw_if_impossible(const Operation& operation) const;

  std::shared_ptr<Job> job_;
  std::shared_ptr<InProcessGroup> whole_;  // that this is a part of, or null
  std::vector<int> ranks_;                 // there
  std::vector<Member> members_;
  std::vector<std::uint64_t> calls_;       // collective calls made, by rank
  std::vector<std::size_t> memory_calls_;  // the same for calls of `memory`
  std::vector<std::shared_ptr<AlignedVector<std::byte>>> memory_;
  std::map<std::uint64_t, std::shared_ptr<Operation>> open_;  // by number
  std::vector<Channel> channels_;                             // by sender, then receiver; empty if never used
};

}  // namespace plexus
