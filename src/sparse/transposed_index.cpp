#include "src/sparse/transposed_index.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <utility>

#include "src/support/error.hpp"
#include "src/support/multiversion.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Places for the connections of some kinds, say columns, that several parts of the rows hand out at the same
/// time: places ascend with kind, part and connection.
class Places {
 public:
  Places(int parts, Index kinds)
      : next_(static_cast<std::size_t>(parts),
              std::vector<std::uint32_t>(static_cast<std::size_t>(kinds), 0)) {}

  /// For each kind the number of connections, then the next place, of one part.
  [[nodiscard]] std::uint32_t* of_part(int part) { return next_[part].data(); }

  /// Turns the numbers of all parts into first places. @return those of the kinds
  std::vector<Offset> count_to_places() {
    std::vector<Offset> first(next_[0].size());
    std::uint32_t place = 0;
    for (std::size_t kind = 0; kind < first.size(); ++kind) {
      first[kind] = place;
      for (auto& of_part : next_) place += std::exchange(of_part[kind], place);
    }
    return first;
  }

 private:
  std::vector<std::vector<std::uint32_t>> next_;
};

/// Blocks of columns for `by_blocks`: so many that the places a block writes to stay in the first cache.
/// Measured.
Index blocks_wanted(const Topology& topology) { return std::max(1, topology.cols / 320); }

/// Blocks in which a row has connections enough to make up for turning to it. Measured.
Index blocks_affordable(const Topology& topology) {
  constexpr Offset least_run = 32;
  return static_cast<Index>(topology.connections() / (least_run * std::max(topology.rows, 1)));
}

/// Takes the rows through one block of columns after the other, and each connection to its place.
void by_blocks(const Topology& topology, TransposedIndex& t) {
  // Each part counts all columns: worth it as long as they are fewer than its connections.
  const auto cuts = balanced_cuts(
      topology.row_ptrs, parts_for(topology.connections(), std::max<Offset>(least_part, topology.cols)));
  const auto parts = static_cast<int>(cuts.size()) - 1;
  const Index* cols = topology.col_idxs.data();
  Places places(parts, topology.cols);
  for_each_part(parts, [&](int part) {
    std::uint32_t* count = places.of_part(part);
    for (Offset p = topology.row_ptrs[cuts[part]]; p < topology.row_ptrs[cuts[part + 1]]; ++p)
      ++count[cols[p]];
  });
  t.col_ptrs = places.count_to_places();
  t.col_ptrs.push_back(topology.connections());

  const Index blocks = std::max(1, std::min(blocks_wanted(topology), blocks_affordable(topology)));
  for_each_part(parts, [&](int part) {
    std::uint32_t* next_place = places.of_part(part);
    std::vector<Offset> next(topology.row_ptrs.begin() + cuts[part],
                             topology.row_ptrs.begin() + cuts[part + 1]);
    for (Index block = 0; block < blocks; ++block) {
      const auto end_col = static_cast<Index>(part_begin(topology.cols, block + 1, blocks));
      for (Index row = cuts[part]; row < cuts[part + 1]; ++row) {
        Offset p = next[row - cuts[part]];
        for (const Offset end = topology.row_ptrs[row + std::size_t{1}]; p < end && cols[p] < end_col; ++p) {
          t.row_idxs[next_place[cols[p]]++] = row;
        }
        next[row - cuts[part]] = p;
      }
    }
  });
}

/// Lower bits of a column number that tell the columns of a bucket apart; together with the row they fit
/// into 32.
int bucket_bits(const Topology& topology) {
  constexpr int most = 9;  // measured: the places of 512 columns stay in the caches
  return std::min(most, 32 - static_cast<int>(std::bit_width(static_cast<std::uint32_t>(topology.rows))));
}

/// Takes each connection into the bucket of its column, then to its place in the bucket: for rows with few
/// connections in many columns. `row_idxs` holds rows together with lower bits of columns in between.
void by_buckets(const Topology& topology, TransposedIndex& t) {
  const int bits = bucket_bits(topology);
  const std::uint32_t columns = std::uint32_t{1} << bits;
  const Index buckets = ((topology.cols - 1) >> bits) + 1;
  const auto cuts = balanced_cuts(topology.row_ptrs, parts_for(topology.connections(), least_part));
  const auto parts = static_cast<int>(cuts.size()) - 1;
  const Index* cols = topology.col_idxs.data();
  Places places(parts, buckets);
  for_each_part(parts, [&](int part) {
    std::uint32_t* count = places.of_part(part);
    for (Offset p = topology.row_ptrs[cuts[part]]; p < topology.row_ptrs[cuts[part + 1]]; ++p) {
      ++count[cols[p] >> bits];
    }
  });
  std::vector<Offset> bucket_ptrs = places.count_to_places();
  bucket_ptrs.push_back(topology.connections());
  for_each_part(parts, [&](int part) {
    std::uint32_t* next_place = places.of_part(part);
    Offset p = topology.row_ptrs[cuts[part]];
    for (Index row = cuts[part]; row < cuts[part + 1]; ++row) {
      for (const Offset end = topology.row_ptrs[row + std::size_t{1}]; p < end; ++p) {
        const auto col = static_cast<std::uint32_t>(cols[p]);
        const std::uint32_t place = next_place[col >> bits]++;
        t.row_idxs[place] =
            static_cast<Index>(static_cast<std::uint32_t>(row) << bits | (col & (columns - 1)));
      }
    }
  });

  t.col_ptrs.resize(static_cast<std::size_t>(topology.cols) + 1);
  t.col_ptrs.back() = topology.connections();
  const std::vector<Index> bucket_cuts = balanced_cuts(bucket_ptrs, parts);
  for_each_part(parts, [&](int part) {
    std::vector<Index> rows_and_cols;
    std::vector<Offset> next(columns);
    for (Index bucket = bucket_cuts[part]; bucket < bucket_cuts[part + 1]; ++bucket) {
      const Offset begin = bucket_ptrs[bucket];
      const Offset end = bucket_ptrs[bucket + std::size_t{1}];
      rows_and_cols.assign(t.row_idxs.begin() + begin, t.row_idxs.begin() + end);
      const auto column_of = [&](std::size_t i) {
        return static_cast<std::uint32_t>(rows_and_cols[i]) & (columns - 1);
      };
      std::fill(next.begin(), next.end(), 0);
      for (std::size_t i = 0; i < rows_and_cols.size(); ++i) ++next[column_of(i)];
      Offset place = begin;
      const auto first_col = static_cast<std::size_t>(bucket) << bits;
      for (std::size_t col = 0; col < columns; ++col) {
        if (first_col + col < t.col_ptrs.size() - 1) t.col_ptrs[first_col + col] = place;
        place += std::exchange(next[col], place);
      }
      for (std::size_t i = 0; i < rows_and_cols.size(); ++i) {
        t.row_idxs[next[column_of(i)]++] =
            static_cast<Index>(static_cast<std::uint32_t>(rows_and_cols[i]) >> bits);
      }
    }
  });
}

/// The connections line by line: rows with columns as entries, or columns with rows.
struct Order {
  const std::vector<Offset>& ptrs;
  const std::vector<Index>& entries;
};
Order row_order(const Topology& topology) { return {topology.row_ptrs, topology.col_idxs}; }
Order column_order(const TransposedIndex& t) { return {t.col_ptrs, t.row_idxs}; }

/// How many of `count` ascending entries are below `entry`. Unlike std::lower_bound without a branch that
/// nobody can predict, so that one search need not wait for the one before.
Offset count_lower(const Index* entries, Offset count, Index entry) {
  const Index* first = entries;
  for (Offset left = count; left > 0;) {
    const Offset half = (left + 1) / 2;
    first += half * static_cast<Offset>(first[half - 1] < entry);
    left -= half;
  }
  return first - entries;
}

/// The place of the first entry of a line that is not below `entry`.
std::uint32_t place_from(const std::vector<Offset>& ptrs, const std::vector<Index>& entries, Offset line,
                         Index entry) {
  Offset first = ptrs[line];
  if (entry > 0) first += count_lower(entries.data() + first, ptrs[line + 1] - first, entry);
  return static_cast<std::uint32_t>(first);
}

/// For each part, `places_from` its first entry, all parts together in parallel: the first part, for which
/// nothing is searched, takes its share.
/// @param cuts  where parts begin, and the end of the last one
std::vector<std::vector<std::uint32_t>> places_of_parts(const Order& order, const std::vector<Index>& cuts) {
  const auto parts = static_cast<int>(cuts.size()) - 1;
  const auto lines = static_cast<Offset>(order.ptrs.size()) - 1;
  std::vector<std::vector<std::uint32_t>> places(static_cast<std::size_t>(parts));
  for (auto& of_part : places) of_part.resize(static_cast<std::size_t>(lines));
  for_each_part(parts, [&](int thread) {
    const Offset end = part_begin(lines, thread + 1, parts);
    for (int part = 0; part < parts; ++part) {
      for (Offset line = part_begin(lines, thread, parts); line < end; ++line) {
        places[part][line] = place_from(order.ptrs, order.entries, line, cuts[part]);
      }
    }
  });
  return places;
}

/// Calls f(begin, end, next) for the connections [begin, end) of some lines of `order`: next[e] is the place
/// in the `other` order of the first of them with entry e. In parallel.
template <class F>
void for_each_part_of_lines(const Order& order, const Order& other, F&& f) {
  // Each part looks at all lines of the other order: worth it as long as they are fewer than its connections.
  const auto lines = static_cast<Offset>(other.ptrs.size()) - 1;
  const auto cuts = balanced_cuts(order.ptrs, parts_for(order.ptrs.back(), std::max(least_part, lines)));
  std::vector<std::vector<std::uint32_t>> next = places_of_parts(other, cuts);
  for_each_part(static_cast<int>(cuts.size()) - 1,
                [&](int part) { f(order.ptrs[cuts[part]], order.ptrs[cuts[part + 1]], next[part].data()); });
}

/// Calls f(place, place in the other order) for each connection, in order, in parallel.
/// @param array  of which `f` reads the entry at the place in the other order; may be null
template <class F>
void for_each_in_order(const Order& order, const Order& other, const Real* array, F&& f) {
  // Entries are asked for early where the L2 cache does not hold the array. Measured.
  constexpr Offset ahead = 32;
  constexpr Offset in_cache = Offset{512} << 10;
  if (order.ptrs.back() <= in_cache) array = nullptr;
  const Index* entries = order.entries.data();
  for_each_part_of_lines(order, other, [&](Offset begin, Offset end, std::uint32_t* next) {
    for (Offset p = begin; p < end; ++p) {
      if (array != nullptr) __builtin_prefetch(array + next[entries[std::min(p + ahead, end - 1)]]);
      f(p, next[entries[p]]++);
    }
  });
}

constexpr Offset word_bits = 64;

/// For `marks_in_column_order`, the connections [begin, end).
/// @param next  of each row the position of its next connection
PLEXUS_MULTIVERSION void gather_marks(const std::uint64_t* by_row, const Index* rows, Offset begin,
                                      Offset end, std::uint32_t* next, std::uint64_t* by_column) {
  while (begin < end) {
    const Offset word_end = std::min((begin / word_bits + 1) * word_bits, end);
    std::uint64_t& word = by_column[begin / word_bits];
    std::uint64_t marks = 0;
    for (; begin < word_end; ++begin) {
      const std::uint32_t position = next[rows[begin]]++;
      marks |= (by_row[position / word_bits] >> position % word_bits & 1) << begin % word_bits;
    }
    std::atomic_ref(word).fetch_or(marks, std::memory_order_relaxed);  // another part may have the rest of it
  }
}

}  // namespace

TransposedIndex transposed(const Topology& topology) {
  const Offset n = topology.connections();
  ensure(n <= std::numeric_limits<std::uint32_t>::max(),
         "a layer of {} connections: one rank holds at most 2^32 - 1 of a layer", n);
  TransposedIndex t;
  t.row_idxs.resize(static_cast<std::size_t>(n));
  constexpr int least_bucket_bits = 5;
  if (2 * blocks_affordable(topology) >= blocks_wanted(topology) ||
      bucket_bits(topology) < least_bucket_bits) {
    by_blocks(topology, t);
  } else {
    by_buckets(topology, t);
  }
  return t;
}

std::vector<std::uint32_t> places_from(const std::vector<Offset>& ptrs, const std::vector<Index>& entries,
                                       Index entry) {
  std::vector<std::uint32_t> places(ptrs.size() - 1);
  for (std::size_t line = 0; line < places.size(); ++line) {
    places[line] = place_from(ptrs, entries, static_cast<Offset>(line), entry);
  }
  return places;
}

std::vector<std::uint64_t> marks_in_column_order(const std::uint64_t* by_row, const Topology& topology,
                                                 const TransposedIndex& t) {
  std::vector<std::uint64_t> by_column(
      static_cast<std::size_t>((topology.connections() + word_bits - 1) / word_bits));
  for_each_part_of_lines(column_order(t), row_order(topology),
                         [&](Offset begin, Offset end, std::uint32_t* next) {
                           gather_marks(by_row, t.row_idxs.data(), begin, end, next, by_column.data());
                         });
  return by_column;
}

std::vector<std::uint32_t> row_positions(const Topology& topology, const TransposedIndex& t) {
  std::vector<std::uint32_t> positions(topology.col_idxs.size());
  for_each_in_order(column_order(t), row_order(topology), nullptr,
                    [&](Offset place, std::uint32_t position) { positions[place] = position; });
  return positions;
}

void column_places(const Topology& topology, const TransposedIndex& t, std::vector<std::uint32_t>& places) {
  places.resize(topology.col_idxs.size());
  for_each_in_order(row_order(topology), column_order(t), nullptr,
                    [&](Offset position, std::uint32_t place) { places[position] = place; });
}

std::vector<Real> in_column_order(const std::vector<Real>& by_row, const Topology& topology,
                                  const TransposedIndex& t) {
  std::vector<Real> by_column(by_row.size());
  for_each_in_order(column_order(t), row_order(topology), by_row.data(),
                    [&](Offset place, std::uint32_t position) { by_column[place] = by_row[position]; });
  return by_column;
}

std::vector<Real> in_row_order(const std::vector<Real>& by_column, const Topology& topology,
                               const TransposedIndex& t) {
  std::vector<Real> by_row(by_column.size());
  for_each_in_order(row_order(topology), column_order(t), by_column.data(),
                    [&](Offset position, std::uint32_t place) { by_row[position] = by_column[place]; });
  return by_row;
}

}  // namespace plexus
