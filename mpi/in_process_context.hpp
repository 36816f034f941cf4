#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "mpi/distributed_context.hpp"

namespace plexus {

class InProcessGroup;

/// What collective calls throw once their group has ended because of `abort` or a failure on another rank.
class JobAborted : public std::runtime_error {
 public:
  JobAborted(int exit_code, const std::string& why) : std::runtime_error(why), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

/// Ranks that are threads of one process: tests run without a launcher, under a debugger and with sanitizers.
/// Stricter than MPI: collective calls that differ between ranks, or that a rank never makes because it has
/// left, are a `Fault` instead of a hang.
class InProcessContext final : public DistributedContext {
 public:
  /// The only rank of its own group.
  InProcessContext();
  /// Rank `rank` of `group`; each rank may be taken once.
  InProcessContext(std::shared_ptr<InProcessGroup> group, int rank);
  /// Leaves the group: calls that would have to wait for this rank throw from now on. Not so for a part while
  /// an exception passes: the others shall hear of the failure where it ends, not of its traces.
  ~InProcessContext() override;
  InProcessContext(const InProcessContext&) = delete;
  InProcessContext& operator=(const InProcessContext&) = delete;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override;
  [[nodiscard]] JobRanks job_ranks() const override;
  [[nodiscard]] std::unique_ptr<DistributedContext> split(int color) override;
  void barrier() override;
  void broadcast(std::span<std::byte> bytes, int root) override;
  [[nodiscard]] std::vector<std::vector<std::byte>> allgather(std::span<const std::byte> bytes) override;
  void exchange(std::span<const std::span<const std::byte>> outgoing, const PlaceOf& place_of) override;
  void sum(std::span<std::int64_t> values) override;
  void maximum(std::span<std::int64_t> values) override;
  [[nodiscard]] std::unique_ptr<SumQueue<std::int64_t>> integer_sums(std::size_t capacity) override;
  [[nodiscard]] std::unique_ptr<SumQueue<float>> float_sums(std::size_t capacity) override;
  [[nodiscard]] std::unique_ptr<PeerMessages> peer_messages() override;
  /// Throws `JobAborted` here and, at their next collective call, on all other ranks of the whole group.
  [[noreturn]] void abort(int exit_code) override;

 private:
  template <class Combine>
  void reduce(const char* call, std::span<std::int64_t> values, Combine&& combine);
  template <class T>
  [[nodiscard]] std::unique_ptr<SumQueue<T>> sums(std::size_t capacity);

  std::shared_ptr<InProcessGroup> group_;
  int rank_;
  int exceptions_at_start_;
};

/// A group of `size` ranks to be given to as many contexts.
[[nodiscard]] std::shared_ptr<InProcessGroup> make_in_process_group(int size);

/// Ends the group, and all of which it is a part: ranks that wait for others, now or later, throw
/// `JobAborted` with this code and text. The first call decides; later ones change nothing.
void poison(InProcessGroup& group, int exit_code, const std::string& why);

}  // namespace plexus
