#include "mpi/in_process_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <ranges>
#include <utility>

#include "mpi/in_process_group.hpp"
#include "mpi/in_process_peer_messages.hpp"
#include "mpi/shared_sums.hpp"
#include "src/support/error.hpp"

namespace plexus {

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

InProcessContext::InProcessContext() : InProcessContext(make_in_process_group(1), 0) {}

InProcessContext::InProcessContext(std::shared_ptr<InProcessGroup> group, int rank)
    : group_(std::move(group)), rank_(rank), exceptions_at_start_(std::uncaught_exceptions()) {
  group_->join(rank);
}

InProcessContext::~InProcessContext() {
  const bool failing = std::uncaught_exceptions() > exceptions_at_start_;
  if (!(failing && group_->is_part())) group_->leave(rank_);
}

int InProcessContext::size() const { return group_->size(); }

DistributedContext::JobRanks InProcessContext::job_ranks() const { return group_->job_ranks(); }

std::unique_ptr<DistributedContext> InProcessContext::split(int color) {
  ensure(color >= 0, "a part of the ranks has colour {}", color);
  auto [part, rank] = group_->split(group_, rank_, "split", color);
  return std::make_unique<InProcessContext>(std::move(part), rank);
}

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

void InProcessContext::exchange(std::span<const std::span<const std::byte>> outgoing,
                                const PlaceOf& place_of) {
  const auto ranks = static_cast<std::size_t>(size());
  ensure(outgoing.size() == ranks, "bytes for {} ranks, but there are {}", outgoing.size(), ranks);
  // What a rank brings: where the bytes for each rank end, then these bytes.
  std::vector<std::size_t> ends;
  std::vector<std::byte> part(ranks * sizeof(std::size_t));
  for (const auto& bytes : outgoing) {
    part.insert(part.end(), bytes.begin(), bytes.end());
    ends.push_back(part.size());
  }
  std::memcpy(part.data(), ends.data(), ranks * sizeof(std::size_t));
  const auto operation = group_->arrive(rank_, "exchange", part);
  group_->wait(*operation);
  const auto own = static_cast<std::size_t>(rank_);
  for (int peer = 0; peer < size(); ++peer) {
    const auto& brought = operation->parts[static_cast<std::size_t>(peer)];
    std::memcpy(ends.data(), brought.data(), ranks * sizeof(std::size_t));
    const std::size_t first = own == 0 ? ranks * sizeof(std::size_t) : ends[own - 1];
    const auto bytes = std::span(brought).subspan(first, ends[own] - first);
    const auto place = place_of(peer, bytes.size());
    ensure(place.size() == bytes.size(), "room for {} bytes, but {} come from rank {}", place.size(),
           bytes.size(), peer);
    std::ranges::copy(bytes, place.begin());
  }
}

/// Replaces each value by its reduction over the ranks, in rank order.
template <class Combine>
void InProcessContext::reduce(const char* call, std::span<std::int64_t> values, Combine&& combine) {
  const auto operation =
      group_->arrive(rank_, fmt::format("{} of {} int64", call, values.size()), std::as_bytes(values));
  group_->wait(*operation);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value_of = [&](const std::vector<std::byte>& part) {
      std::int64_t value;
      std::memcpy(&value, part.data() + i * sizeof(value), sizeof(value));
      return value;
    };
    values[i] = value_of(operation->parts[0]);
    for (const auto& part : operation->parts | std::views::drop(1))
      values[i] = combine(values[i], value_of(part));
  }
}

void InProcessContext::sum(std::span<std::int64_t> values) { reduce("sum", values, plus); }

void InProcessContext::maximum(std::span<std::int64_t> values) {
  reduce("maximum", values, [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
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

std::unique_ptr<PeerMessages> InProcessContext::peer_messages() {
  return std::make_unique<InProcessPeerMessages>(group_->split(group_, rank_, "peer messages", 0).first,
                                                 rank_);
}

void InProcessContext::abort(int exit_code) {
  const auto why = fmt::format("rank {} has ended the job with exit code {}", rank_, exit_code);
  group_->poison(exit_code, why);
  throw JobAborted(exit_code, why);
}

}  // namespace plexus
