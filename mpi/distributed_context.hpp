#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "mpi/sum_queue.hpp"
#include "src/parts/peer_messages.hpp"

namespace plexus {

/// The ranks that train together, or a part of them. All communication of plexus goes through this class;
/// typed wrappers and domain verbs are free functions on top (`collectives.hpp`). Collective calls must come
/// in the same order on all ranks of the context, and from the thread that made it. Any number of elements is
/// allowed per call, none included. Transport errors end the job (`Fault`). What a context makes (parts,
/// sums) goes before the context itself.
class DistributedContext {
 public:
  virtual ~DistributedContext() = default;

  /// Independent.
  [[nodiscard]] virtual int rank() const = 0;
  /// Independent.
  [[nodiscard]] virtual int size() const = 0;
  /// What the ranks of a context are in the whole job, in the order of their ranks here.
  struct JobRanks {
    std::vector<int> ranks;
    int size = 1;  ///< of the job
  };
  /// Independent. For messages that people read.
  [[nodiscard]] virtual JobRanks job_ranks() const = 0;

  /// Collective, also where the part is destroyed. The ranks that pass the same colour (not negative) form a
  /// context of their own, in the order of their ranks here. Calls of different parts meet nowhere.
  [[nodiscard]] virtual std::unique_ptr<DistributedContext> split(int color) = 0;

  /// Collective.
  virtual void barrier() = 0;
  /// Collective. Every rank passes a buffer of the same size; the root's bytes end up in all of them.
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  /// Collective. Sizes may differ. @return the bytes of every rank, in rank order.
  [[nodiscard]] virtual std::vector<std::vector<std::byte>> allgather(std::span<const std::byte> bytes) = 0;

  /// Where `bytes` bytes that come from `rank` shall go: room for just so many.
  using PlaceOf = std::function<std::span<std::byte>(int rank, std::size_t bytes)>;
  /// Collective. `outgoing[r]` goes to rank r, of any size, also to this rank itself. `place_of` is asked
  /// once for each rank, in rank order, before anything is sent; `exchange_numbers` is the simpler call.
  virtual void exchange(std::span<const std::span<const std::byte>> outgoing, const PlaceOf& place_of) = 0;

  /// Collective. Replaces each value by its sum over the ranks; integers wrap around.
  virtual void sum(std::span<std::int64_t> values) = 0;
  /// Collective. Replaces each value by the largest one that any rank has in its place.
  virtual void maximum(std::span<std::int64_t> values) = 0;
  /// Collective, also where it is destroyed. Sums that run in the background.
  /// @param capacity  bytes of memory for the sums under way; more is taken only for one sum that is larger
  [[nodiscard]] virtual std::unique_ptr<SumQueue<std::int64_t>> integer_sums(std::size_t capacity) = 0;
  [[nodiscard]] virtual std::unique_ptr<SumQueue<float>> float_sums(std::size_t capacity) = 0;

  /// Collective, also where it is destroyed. Messages between single ranks, in the background.
  [[nodiscard]] virtual std::unique_ptr<PeerMessages> peer_messages() = 0;

  /// Independent. Ends all ranks of the job at once with this exit code, also those outside this context.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

}  // namespace plexus
