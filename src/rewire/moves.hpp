#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "src/support/aligned.hpp"
#include "src/support/parallel.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Some of the positions below `count()`, one bit each, so that one can ask how many there are below another.
class MarkedPositions {
 public:
  MarkedPositions() = default;
  /// @param positions  ascending and distinct, in [0, count). In parallel.
  template <class Position>
  MarkedPositions(Offset count, std::span<const Position> positions);
  /// @param words  the bits, lowest first, in as many words as they need; those from `count` on are 0
  MarkedPositions(Offset count, std::vector<std::uint64_t> words);

  [[nodiscard]] Offset count() const { return count_; }
  [[nodiscard]] Offset marked() const { return before_.back(); }
  /// Positions below each of `positions`, which may be count(), that are not marked. In parallel.
  [[nodiscard]] std::vector<Offset> unmarked_before(const std::vector<Offset>& positions) const;
  /// The bits, lowest first; those from count() on are 0.
  [[nodiscard]] const std::uint64_t* words() const { return words_.data(); }

 private:
  void count_blocks();

  Offset count_ = 0;
  std::vector<std::uint64_t> words_;
  std::vector<Offset> before_ = {0};  // marked positions before each block; and all of them
};

/// How the entries of arrays with one entry a connection move when some connections go and others come. Those
/// that stay keep their order.
class Moves {
 public:
  /// Entries that the kept ones may be followed by where they are read.
  static constexpr Offset padding = 16;

  explicit Moves(MarkedPositions dropped) : dropped_(std::move(dropped)) {}

  [[nodiscard]] Offset before() const { return dropped_.count(); }
  [[nodiscard]] Offset kept() const { return before() - dropped_.marked(); }
  [[nodiscard]] Offset after() const { return kept() + static_cast<Offset>(places_.size()); }
  [[nodiscard]] const MarkedPositions& dropped() const { return dropped_; }

  /// The places of what comes, ascending, among the connections after the edit.
  void grow_at(Scratch<std::uint32_t> places);

  /// Writes the entries of `array` that stay to `kept`, without gaps. In parallel.
  /// @param kept  room for kept() + padding entries
  template <class T>
  void keep(std::span<const T> array, T* kept) const;

  /// The array after the edit from the entries that `keep` wrote. In parallel.
  /// @param of_grown  of_grown(i): the entry of the i-th that comes
  template <class T, class OfGrown>
  void spread(const T* kept, std::vector<T>& array, OfGrown&& of_grown) const {
    array.resize(static_cast<std::size_t>(after()));
    parallel_over(after(), least_stream, [&](Offset begin, Offset end) {
      spread_kept(kept, begin, end, array.data());
      const auto first = std::lower_bound(places_.data(), places_.data() + places_.size(), begin);
      const auto last = std::lower_bound(first, places_.data() + places_.size(), end);
      for (const std::uint32_t* place = first; place != last; ++place) {
        array[*place] = of_grown(place - places_.data());
      }
    });
  }

  /// Both, by way of `spare`, which has room for kept() + padding entries.
  template <class T, class OfGrown>
  void carry(std::vector<T>& array, T* spare, OfGrown&& of_grown) const {
    keep(std::span<const T>(array), spare);
    spread(spare, array, of_grown);
  }

 private:
  /// @param begin  a multiple of 64
  template <class T>
  void spread_kept(const T* kept, Offset begin, Offset end, T* array) const;

  MarkedPositions dropped_;
  MarkedPositions grown_;
  Scratch<std::uint32_t> places_;
};

}  // namespace plexus
