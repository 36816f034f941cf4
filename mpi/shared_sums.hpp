#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "mpi/block_ring.hpp"
#include "mpi/sum_queue.hpp"

namespace plexus {

/// Memory that some ranks of one machine see: one region of the same size for each of them, aligned to cache
/// lines and zero at first.
class SharedRegions {
 public:
  virtual ~SharedRegions() = default;
  [[nodiscard]] virtual std::byte* of_rank(int rank) const = 0;
};

/// Sums between ranks that share memory: each writes its terms where all can read them, and says so with a
/// counter; no message is sent and nothing is copied. Two ranks add the terms of both as they read a sum.
/// More ranks first add a slice each, so that the work for one does not grow with their number.
template <class T>
class SharedSums final : public SumQueue<T> {
 public:
  /// Collective. Makes regions of so many bytes.
  using MakeRegions = std::function<std::unique_ptr<SharedRegions>(std::size_t bytes)>;
  /// Independent. Called while waiting, with the number of calls before. @return true if a rank has left, so
  /// that what is not there yet never comes.
  using Idle = std::function<bool(int polls)>;

  /// Collective.
  /// @param regions  of at least region_bytes(capacity) bytes
  /// @param make_regions  for sums larger than that
  SharedSums(int rank, int size, std::size_t capacity, std::unique_ptr<SharedRegions> regions,
             MakeRegions make_regions, Idle idle);

  /// What a ring of `capacity` bytes takes in memory.
  [[nodiscard]] static std::size_t region_bytes(std::size_t capacity);

  [[nodiscard]] bool has_room(std::size_t count) const override;
  [[nodiscard]] std::span<T> next(std::size_t count) override;
  void start() override;
  void poll() override;
  void wait() override;
  [[nodiscard]] const T* values(std::size_t first, std::size_t count, T* scratch) const override;
  void pop() override;

 private:
  struct Board;

  [[nodiscard]] bool in_slices() const { return size_ > 2; }
  [[nodiscard]] Board& board(int rank) const;
  [[nodiscard]] T* terms(int rank, std::uint64_t number) const;
  [[nodiscard]] std::size_t count_of(std::uint64_t number, int rank) const;
  [[nodiscard]] std::size_t slice_begin(std::uint64_t number, int rank) const;
  void add_terms(std::uint64_t number, std::size_t first, std::size_t count, T* out) const;
  /// Adds this rank's slices of all sums that have all their terms.
  void add_slices();
  template <class Ready>
  void wait_until(Ready&& ready) const;

  int rank_;
  int size_;
  std::unique_ptr<SharedRegions> regions_;
  MakeRegions make_regions_;
  Idle idle_;
  BlockRing ring_;
  std::uint64_t added_ = 0;  ///< sums whose slice this rank has added
};

extern template class SharedSums<std::int64_t>;
extern template class SharedSums<float>;

}  // namespace plexus
