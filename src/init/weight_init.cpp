#include "src/init/weight_init.hpp"

#include <algorithm>
#include <array>

#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// Calls f(row) for the rows of each part, on the part's own thread; parts have about as many connections.
template <class F>
void for_each_row(const std::vector<Index>& cuts, F&& f) {
  for_each_part(static_cast<int>(cuts.size()) - 1, [&](int part) {
    for (Index row = cuts[part]; row < cuts[part + 1]; ++row) f(row);
  });
}

/// Draws the values of a row whose connections come from the neurons col_of(0), col_of(1), ...
template <class ColOf>
void draw_row(const WeightInit& init, const RandomStream& stream, Index row, Fans fans, ColOf&& col_of,
              std::span<Real> values) {
  std::array<NeuronId, draw_block> rows;
  std::array<NeuronId, draw_block> cols;
  std::fill_n(rows.begin(), std::min(rows.size(), values.size()), NeuronId{row});
  for (std::size_t begin = 0; begin < values.size(); begin += draw_block) {
    const std::size_t count = std::min<std::size_t>(draw_block, values.size() - begin);
    for (std::size_t i = 0; i < count; ++i) cols[i] = col_of(begin + i);
    init.draw(stream, {rows.data(), count}, {cols.data(), count}, fans, values.subspan(begin, count));
  }
}

}  // namespace

std::vector<Real> first_values(const WeightInit& init, const RandomStream& stream, const Topology& topology) {
  return first_values_of_slice(init, stream, topology, 0, {topology.cols, topology.rows});
}

std::vector<Real> first_values_of_slice(const WeightInit& init, const RandomStream& stream,
                                        const Topology& slice, Index first_row, Fans fans) {
  std::vector<Real> values(slice.col_idxs.size());
  const int parts = parts_for(slice.connections(), least_part);
  for_each_row(balanced_cuts(slice.row_ptrs, parts), [&](Index row) {
    const auto begin = static_cast<std::size_t>(slice.row_ptrs[row]);
    const auto end = static_cast<std::size_t>(slice.row_ptrs[row + std::size_t{1}]);
    const Index* cols = slice.col_idxs.data() + begin;
    draw_row(
        init, stream, first_row + row, fans, [&](std::size_t i) { return cols[i]; },
        std::span(values).subspan(begin, end - begin));
  });
  return values;
}

std::vector<Real> first_dense_values(const WeightInit& init, const RandomStream& stream, Index rows,
                                     Index cols) {
  const auto width = static_cast<std::size_t>(cols);
  std::vector<Real> values(static_cast<std::size_t>(rows) * width);
  const int parts = parts_for(static_cast<Offset>(values.size()), least_part);
  for_each_row(even_cuts(rows, parts), [&](Index row) {
    draw_row(
        init, stream, row, {cols, rows}, [](std::size_t i) { return static_cast<NeuronId>(i); },
        std::span(values).subspan(static_cast<std::size_t>(row) * width, width));
  });
  return values;
}

}  // namespace plexus
