#include "src/rewire/empty_cells.hpp"

#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Finds the cells of ascending numbers.
class CellSearch {
 public:
  /// @param columns  of `kept`
  /// @param number   the first number that is looked up
  CellSearch(const KeptConnections& kept, const Index* columns, Offset number)
      : row_ptrs_(kept.row_ptrs().data()), cols_(kept.cols()), columns_(columns) {
    Offset low = 0;
    Offset high = kept.rows() - 1;
    while (low < high) {
      const Offset middle = (low + high) / 2;
      if (first_empty(middle + 1) <= number) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    turn_to(low);
  }

  [[nodiscard]] GrownConnection cell(Offset number) {
    while (number >= next_first_) turn_to(row_ + 1);
    // Empty cell k of the row stands behind the connections that have at most k empty cells before them.
    // Connection i, in column c, has c - i.
    const auto k = static_cast<Index>(number - first_);
    place_ += count_below<1>(begin_ + place_, end_, k + place_ + 1);
    return {static_cast<Index>(row_), k + place_, 0};
  }

 private:
  [[nodiscard]] Offset first_empty(Offset row) const { return row * cols_ - row_ptrs_[row]; }

  void turn_to(Offset row) {
    row_ = row;
    first_ = first_empty(row);
    next_first_ = first_empty(row + 1);
    begin_ = columns_ + row_ptrs_[row];
    end_ = columns_ + row_ptrs_[row + 1];
    place_ = 0;
  }

  const Offset* row_ptrs_;
  Index cols_;
  const Index* columns_;
  Offset row_ = 0;
  Offset first_ = 0;  // empty cells before the row
  Offset next_first_ = 0;
  const Index* begin_ = nullptr;  // its connections
  const Index* end_ = nullptr;
  Index place_ = 0;  // those of them that come before the last cell
};

}  // namespace

std::vector<GrownConnection> empty_cells(const KeptConnections& kept, const Scratch<Index>& columns,
                                         const std::vector<Offset>& numbers) {
  std::vector<GrownConnection> cells(numbers.size());
  parallel_over(static_cast<Offset>(numbers.size()), least_part, [&](Offset begin, Offset end) {
    struct Stretch {
      CellSearch search;
      Offset next;
    };
    take_turns(
        begin, end,
        [&](Offset first) {
          return Stretch{CellSearch(kept, columns.data(), numbers[first]), first};
        },
        [&](Stretch& stretch) {
          cells[stretch.next] = stretch.search.cell(numbers[stretch.next]);
          ++stretch.next;
        });
  });
  return cells;
}

}  // namespace plexus
