#include "src/nn/sliced_layer.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "src/parts/part_message.hpp"
#include "src/support/error.hpp"
#include "src/support/heap.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

using Messages = std::vector<std::vector<std::byte>>;

/// Passes over a slice of columns, for the input gradient and for the gradient, each as long as one forward.
constexpr std::int64_t work_of_backward = 2;
/// Connections that take as long as a neuron's bias and activation.
constexpr std::int64_t work_of_neuron = 4;

/// The part that owns `neuron`.
std::size_t owner_of(const std::vector<Index>& cuts, Index neuron) {
  return static_cast<std::size_t>(std::ranges::upper_bound(cuts, neuron) - cuts.begin()) - 1;
}

/// The numbers that `entries` name or that are own, ascending; all below `total` where `all` are wanted.
std::vector<Index> held_numbers(const std::vector<Index>& entries, RowRange own, Index total, bool all) {
  std::vector<Index> held;
  if (all) {
    held.resize(static_cast<std::size_t>(total));
    std::iota(held.begin(), held.end(), Index{0});
    return held;
  }
  std::vector<std::uint8_t> named(static_cast<std::size_t>(total), 0);
  for (const Index entry : entries) named[static_cast<std::size_t>(entry)] = 1;
  std::fill(named.begin() + own.begin, named.begin() + own.end, std::uint8_t{1});
  for (Index number = 0; number < total; ++number) {
    if (named[static_cast<std::size_t>(number)] != 0) held.push_back(number);
  }
  return held;
}

/// Replaces numbers by their places among `held`.
void number_by_place(std::vector<Index>& entries, const std::vector<Index>& held, Index total) {
  if (static_cast<Index>(held.size()) == total) return;
  std::vector<Index> places(static_cast<std::size_t>(total), 0);
  for (std::size_t place = 0; place < held.size(); ++place) {
    places[static_cast<std::size_t>(held[place])] = static_cast<Index>(place);
  }
  parallel_over(static_cast<Offset>(entries.size()), 4096, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) entries[i] = places[static_cast<std::size_t>(entries[i])];
  });
}

/// The inverse.
void number_by_neuron(std::vector<Index>& entries, const std::vector<Index>& held) {
  parallel_over(static_cast<Offset>(entries.size()), 4096, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) entries[i] = held[static_cast<std::size_t>(entries[i])];
  });
}

/// A connection that an edit takes away, in numbers of the whole layer.
struct Cell {
  Index col;
  Index row;
  auto operator<=>(const Cell&) const = default;
};

/// A connection that an edit adds, the same way.
struct GrownCell {
  Cell cell;
  Real value;
};

/// What each owner of columns must know of `edit`, whose slice has the rows from `first_row` on.
/// @param before  the slice before the edit
Messages column_edits(const Topology& before, const LayerCuts& cuts, const SliceEdit& edit,
                      std::size_t part) {
  const std::size_t parts = cuts.cols.size() - 1;
  std::vector<std::vector<Cell>> dropped(parts);
  Index row = 0;
  for (const Offset p : edit.rows.dropped) {
    while (before.row_ptrs[static_cast<std::size_t>(row) + 1] <= p) ++row;
    const Index col = before.col_idxs[static_cast<std::size_t>(p)];
    dropped[owner_of(cuts.cols, col)].push_back({col, cuts.rows[part] + row});
  }
  std::vector<std::vector<GrownCell>> grown(parts);
  for (const GrownConnection& g : edit.rows.grown) {
    grown[owner_of(edit.cuts.cols, g.col)].push_back({{g.col, edit.cuts.rows[part] + g.row}, g.value});
  }
  Messages messages(parts);
  for (std::size_t p = 0; p < parts; ++p) {
    append(messages[p], dropped[p]);
    append(messages[p], grown[p]);
  }
  return messages;
}

/// The numbers of `all` in [begin, end), counted from `begin`.
std::vector<Index> numbers_in(const std::vector<Index>& all, Index begin, Index end) {
  std::vector<Index> own;
  for (const Index number : all) {
    if (number >= begin && number < end) own.push_back(number - begin);
  }
  return own;
}

}  // namespace

SlicedLayer::SlicedLayer(Parts& parts, LayerSnapshot slice, LayerCuts cuts, bool all_columns, bool all_rows)
    : SparseLayer(std::move(slice), Columns{}),
      parts_(parts),
      cuts_(std::move(cuts)),
      all_columns_(all_columns),
      all_rows_(all_rows),
      messages_(parts.messages()) {
  fill_columns(std::exchange(state_.value_states, {}));
  close();
}

/// Sends each connection of the slice of rows to the part that owns its column.
void SlicedLayer::fill_columns(std::vector<std::vector<Real>> row_states) {
  const TransposedIndex order = transposed(state_.topology);
  const std::vector<std::uint32_t> positions = row_positions(state_.topology, order);
  const auto parts = static_cast<std::size_t>(parts_.count());
  const Index first_row = cuts_.rows[static_cast<std::size_t>(parts_.own())];
  Messages messages(parts);
  for (std::size_t p = 0; p < parts; ++p) {
    const auto col_ptrs = std::span(order.col_ptrs).subspan(static_cast<std::size_t>(cuts_.cols[p]));
    const auto cols = static_cast<std::size_t>(cuts_.cols[p + 1] - cuts_.cols[p]);
    std::vector<Index> counts(cols);
    for (std::size_t c = 0; c < cols; ++c) counts[c] = static_cast<Index>(col_ptrs[c + 1] - col_ptrs[c]);
    append(messages[p], counts);
    std::vector<Index> rows(order.row_idxs.begin() + col_ptrs[0], order.row_idxs.begin() + col_ptrs[cols]);
    for (Index& row : rows) row += first_row;
    append(messages[p], rows);
    const auto append_in_order = [&](const std::vector<Real>& by_row) {
      std::vector<Real> values;
      values.reserve(rows.size());
      for (Offset i = col_ptrs[0]; i < col_ptrs[cols]; ++i)
        values.push_back(by_row[positions[static_cast<std::size_t>(i)]]);
      append(messages[p], values);
    };
    append_in_order(state_.values);
    for (const auto& states : row_states) append_in_order(states);
  }
  const std::size_t arrays = 1 + row_states.size();
  row_states.clear();
  messages = parts_.exchange_bytes(std::move(messages));

  const auto part = static_cast<std::size_t>(parts_.own());
  const auto own_cols = static_cast<std::size_t>(cuts_.cols[part + 1] - cuts_.cols[part]);
  std::vector<std::vector<Index>> counts(parts);
  std::vector<std::vector<Index>> rows(parts);
  std::vector<std::vector<std::vector<Real>>> values(arrays, std::vector<std::vector<Real>>(parts));
  transposed_.col_ptrs.assign(own_cols + 1, 0);
  for (std::size_t p = 0; p < parts; ++p) {
    PartMessage message(messages[p]);
    counts[p] = message.next<Index>();
    rows[p] = message.next<Index>();
    for (auto& array : values) array[p] = message.next<Real>();
    give_back(messages[p]);
    for (std::size_t c = 0; c < own_cols; ++c) transposed_.col_ptrs[c + 1] += counts[p][c];
  }
  std::partial_sum(transposed_.col_ptrs.begin(), transposed_.col_ptrs.end(), transposed_.col_ptrs.begin());
  const auto connections = static_cast<std::size_t>(transposed_.col_ptrs.back());
  const auto merge = [&](const auto& of_parts, auto& merged) {
    merged.resize(connections);
    std::vector<Offset> next(transposed_.col_ptrs.begin(), transposed_.col_ptrs.end() - 1);
    for (std::size_t p = 0; p < parts; ++p) {
      auto from = of_parts[p].begin();
      for (std::size_t c = 0; c < own_cols; ++c) {
        std::copy_n(from, counts[p][c], merged.begin() + next[c]);
        next[c] += counts[p][c];
        from += counts[p][c];
      }
    }
  };
  merge(rows, transposed_.row_idxs);
  merge(values[0], values_by_column_);
  states_by_column_.resize(arrays - 1);
  for (std::size_t i = 1; i < arrays; ++i) merge(values[i], states_by_column_[i - 1]);
}

void SlicedLayer::close() {
  const auto part = static_cast<std::size_t>(parts_.own());
  const auto parts = static_cast<std::size_t>(parts_.count());
  const TransposedIndex order = transposed(state_.topology);
  row_positions_ = row_positions(state_.topology, order);
  received_bounds_.clear();
  for (const Index cut : cuts_.cols)
    received_bounds_.push_back(order.col_ptrs[static_cast<std::size_t>(cut)]);

  held_cols_ = held_numbers(state_.topology.col_idxs, {cuts_.cols[part], cuts_.cols[part + 1]},
                            cuts_.cols.back(), all_columns_);
  number_by_place(state_.topology.col_idxs, held_cols_, cuts_.cols.back());
  state_.topology.cols = static_cast<Index>(held_cols_.size());
  std::vector<NeuronId> ids;
  for (const Index col : held_cols_) ids.push_back(state_.col_ids[static_cast<std::size_t>(col)]);
  state_.col_ids = std::move(ids);

  held_rows_ = held_numbers(transposed_.row_idxs, {cuts_.rows[part], cuts_.rows[part + 1]}, cuts_.rows.back(),
                            all_rows_);
  number_by_place(transposed_.row_idxs, held_rows_, cuts_.rows.back());
  row_bounds_.clear();
  for (const Index cut : cuts_.rows) {
    row_bounds_.push_back(static_cast<Index>(std::ranges::lower_bound(held_rows_, cut) - held_rows_.begin()));
  }
  cut_pattern();

  std::vector<Offset> counts(parts, 0);
  starts_.clear();
  for (std::size_t t = 0; t + 1 < col_cuts_.size(); ++t) {
    starts_.push_back(counts);
    for (Offset p = transposed_.col_ptrs[static_cast<std::size_t>(col_cuts_[t])];
         p < transposed_.col_ptrs[static_cast<std::size_t>(col_cuts_[t + 1])]; ++p) {
      ++counts[owner_of(row_bounds_, transposed_.row_idxs[static_cast<std::size_t>(p)])];
    }
  }
  sent_.resize(parts);
  received_.resize(parts);
  for (std::size_t p = 0; p < parts; ++p) {
    sent_[p].resize(static_cast<std::size_t>(counts[p]));
    if (p != part)
      received_[p].resize(static_cast<std::size_t>(received_bounds_[p + 1] - received_bounds_[p]));
  }
}

void SlicedLayer::pack(const std::vector<Real>& by_column) {
  for_each_part(static_cast<int>(starts_.size()), [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    std::vector<Offset> next = starts_[t];
    for (Index col = col_cuts_[t]; col < col_cuts_[t + 1]; ++col) {
      Offset p = transposed_.col_ptrs[static_cast<std::size_t>(col)];
      const Offset end = transposed_.col_ptrs[static_cast<std::size_t>(col) + 1];
      for (std::size_t part = 0; p < end; ++part) {
        const Index bound = row_bounds_[part + 1];
        for (; p < end && transposed_.row_idxs[static_cast<std::size_t>(p)] < bound; ++p)
          sent_[part][static_cast<std::size_t>(next[part]++)] = by_column[static_cast<std::size_t>(p)];
      }
    }
  });
}

void SlicedLayer::start_messages() {
  for (int p = 0; p < parts_.count(); ++p) {
    if (p == parts_.own()) continue;
    messages_->receive(p, std::as_writable_bytes(std::span(received_[static_cast<std::size_t>(p)])));
  }
  for (int p = 0; p < parts_.count(); ++p) {
    if (p == parts_.own()) continue;
    messages_->send(p, std::as_bytes(std::span(sent_[static_cast<std::size_t>(p)])));
  }
}

void SlicedLayer::unpack(std::vector<Real>& by_row) {
  for (int p = 0; p < parts_.count(); ++p) {
    const auto part = static_cast<std::size_t>(p);
    const std::vector<Real>& values = p == parts_.own() ? sent_[part] : received_[part];
    const std::uint32_t* places = row_positions_.data() + received_bounds_[part];
    parallel_over(static_cast<Offset>(values.size()), 4096, [&](Offset begin, Offset end) {
      for (Offset i = begin; i < end; ++i) by_row[places[i]] = values[static_cast<std::size_t>(i)];
    });
  }
}

std::int64_t SlicedLayer::work() const {
  return state_.topology.connections() + work_of_backward * connections() + work_of_neuron * rows();
}

void SlicedLayer::add_row_work(std::vector<Offset>& work) const {
  const std::vector<Offset>& row_ptrs = state_.topology.row_ptrs;
  for (std::size_t row = 0; row < work.size(); ++row)
    work[row] += row_ptrs[row + 1] - row_ptrs[row] + work_of_neuron;
}

void SlicedLayer::add_col_work(std::vector<Offset>& work) const {
  const std::vector<Offset>& col_ptrs = transposed_.col_ptrs;
  for (std::size_t col = 0; col < work.size(); ++col)
    work[col] += work_of_backward * (col_ptrs[col + 1] - col_ptrs[col]);
}

LayerSnapshot SlicedLayer::global_state(std::vector<NeuronId> col_ids) {
  LayerSnapshot slice = state();
  number_by_neuron(slice.topology.col_idxs, held_cols_);
  slice.topology.cols = cuts_.cols.back();
  slice.col_ids = std::move(col_ids);
  return slice;
}

void SlicedLayer::send_weights() {
  pack(values_by_column_);
  start_messages();
  for (const auto& values : received_)
    bytes_received_ += static_cast<std::int64_t>(values.size() * sizeof(Real));
}

void SlicedLayer::receive_weights() {
  messages_->wait();
  unpack(state_.values);
}

const LayerSnapshot& SlicedLayer::state() {
  state_.value_states.resize(states_by_column_.size());
  for (std::size_t i = 0; i < states_by_column_.size(); ++i) {
    pack(states_by_column_[i]);
    start_messages();
    messages_->wait();
    state_.value_states[i].resize(state_.values.size());
    unpack(state_.value_states[i]);
  }
  return state_;
}

void SlicedLayer::open(std::vector<NeuronId> col_ids) {
  state_.value_states.clear();
  number_by_neuron(state_.topology.col_idxs, held_cols_);
  state_.topology.cols = cuts_.cols.back();
  state_.col_ids = std::move(col_ids);
  number_by_neuron(transposed_.row_idxs, held_rows_);
}

void SlicedLayer::apply_slice(const SliceEdit& edit) {
  Messages messages = column_edits(state_.topology, cuts_, edit, static_cast<std::size_t>(parts_.own()));
  apply(edit.rows);
  edit_columns(edit, parts_.exchange_bytes(std::move(messages)));
  cuts_ = edit.cuts;
  close();
}

void SlicedLayer::edit_weights(const LayerEdit& edit) {
  const CarriedArray values{&state_.values, Grown::value};
  state_.topology = edited(std::move(state_.topology), edit, {&values, 1});
}

void SlicedLayer::edit_columns(const SliceEdit& edit, Messages messages) {
  const auto part = static_cast<std::size_t>(parts_.own());
  Topology columns;
  columns.rows = cuts_.cols[part + 1] - cuts_.cols[part];
  columns.cols = cuts_.rows.back();
  columns.row_ptrs = std::move(transposed_.col_ptrs);
  columns.col_idxs = std::move(transposed_.row_idxs);

  LayerEdit by_column;
  by_column.removed_rows = numbers_in(edit.rows.removed_cols, cuts_.cols[part], cuts_.cols[part + 1]);
  by_column.removed_cols = edit.removed_rows;
  std::vector<GrownCell> grown;
  for (const auto& bytes : messages) {
    PartMessage message(bytes);
    for (const Cell& cell : message.next<Cell>()) {
      const auto col = static_cast<std::size_t>(cell.col - cuts_.cols[part]);
      const auto begin = columns.col_idxs.begin() + columns.row_ptrs.at(col);
      const auto end = columns.col_idxs.begin() + columns.row_ptrs.at(col + 1);
      const auto found = std::lower_bound(begin, end, cell.row);
      ensure(found != end && *found == cell.row, "a part drops a connection ({}, {}) that its column has not",
             cell.row, cell.col);
      by_column.dropped.push_back(found - columns.col_idxs.begin());
    }
    const auto more = message.next<GrownCell>();
    grown.insert(grown.end(), more.begin(), more.end());
  }
  std::ranges::sort(by_column.dropped);
  std::ranges::sort(grown, {}, &GrownCell::cell);
  for (const GrownCell& g : grown)
    by_column.grown.push_back({g.cell.col - edit.cuts.cols[part], g.cell.row, g.value});

  std::vector<CarriedArray> arrays = {{&values_by_column_, Grown::value}};
  for (auto& states : states_by_column_) arrays.push_back({&states, Grown::zero});
  columns = edited(std::move(columns), by_column, arrays);
  transposed_.col_ptrs = std::move(columns.row_ptrs);
  transposed_.row_idxs = std::move(columns.col_idxs);
}

}  // namespace plexus
