#include "src/rewire/rules/local_growth.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "src/rewire/empty_cells.hpp"
#include "src/rewire/positions.hpp"
#include "src/rewire/rules/uniform_growth.hpp"
#include "src/support/keyed_sample.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// The empty cells inside blocks, numbered row by row. Those of a row have consecutive numbers among all
/// empty cells, too.
class CellsInside {
 public:
  /// @param columns  of `kept`
  CellsInside(const KeptConnections& kept, const Scratch<Index>& columns, const LayerBlocks& blocks)
      : first_(static_cast<std::size_t>(kept.rows()) + 1, 0),
        first_of_all_(static_cast<std::size_t>(kept.rows())) {
    parallel_over(kept.rows(), least_rows, [&](Offset first_row, Offset last_row) {
      blocks.for_each_row(first_row, last_row, [&](Offset row, Index begin, Index end) {
        const Offset* ptrs = kept.row_ptrs().data() + row;
        const Index* row_begin = columns.data() + ptrs[0];
        const Index* row_end = columns.data() + ptrs[1];
        const Index* inside = std::lower_bound(row_begin, row_end, begin);
        const Index* behind = std::lower_bound(inside, row_end, end);
        first_[row + 1] = end - begin - (behind - inside);
        first_of_all_[row] = row * kept.cols() - ptrs[0] + begin - (inside - row_begin);
      });
    });
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
  }

  [[nodiscard]] Offset count() const { return first_.back(); }

  /// Turns ascending numbers of cells inside blocks into their numbers among all empty cells.
  void number_among_all(std::vector<Offset>& numbers) const {
    parallel_over(static_cast<Offset>(numbers.size()), least_part, [&](Offset begin, Offset end) {
      auto row = std::upper_bound(first_.begin(), first_.end(), numbers[begin]) - first_.begin() - 1;
      for (Offset i = begin; i < end; ++i) {
        while (numbers[i] >= first_[row + 1]) ++row;
        numbers[i] += first_of_all_[row] - first_[row];
      }
    });
  }

 private:
  static constexpr Offset least_rows = least_part / 16;  // a row takes two searches

  std::vector<Offset> first_;         // of each row; one more than rows
  std::vector<Offset> first_of_all_;  // the same cell's number among all empty cells
};

}  // namespace

std::vector<GrownConnection> LocalGrowth::propose(const GrowthInput& in, Offset count) const {
  if (in.inside == nullptr) return UniformGrowth().propose(in, count);
  const KeptConnections& kept = in.kept;
  const Scratch<Index> columns = kept.columns();
  const CellsInside inside(kept, columns, in.inside->blocks);
  const Offset wanted = std::llround(in.inside->share * static_cast<double>(count));
  const Offset count_inside = std::min(wanted, part_begins(in.parts, inside.count()).back());
  std::vector<Offset> numbers = keyed_sample(in.inside->stream, in.parts, inside.count(), count_inside);
  inside.number_among_all(numbers);
  const Offset left = kept.cells() - kept.connections() - static_cast<Offset>(numbers.size());
  return empty_cells(kept, columns,
                     with_chosen(numbers, keyed_sample(in.stream, in.parts, left, count - count_inside)));
}

}  // namespace plexus
