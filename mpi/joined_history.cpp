#include "mpi/joined_history.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include "mpi/collectives.hpp"
#include "mpi/watchdog.hpp"
#include "src/parts/part_message.hpp"
#include "src/support/heap.hpp"

namespace plexus {

namespace {

std::vector<std::byte> message_of(const LayerHistory& own, Offset connections_before) {
  std::vector<std::byte> message;
  const auto hash = static_cast<Offset>(own.pattern_hash);
  append(message, std::vector<Offset>{connections_before, own.connections, hash});
  append(message, own.dropped);
  append(message, own.added_rows);
  append(message, own.added_cols);
  append(message, own.pruned_rows);
  if (own.base.has_value()) {
    append(message, own.base->row_ptrs);
    append(message, own.base->col_idxs);
  }
  return message;
}

template <class T>
void append_to(std::vector<T>& all, const std::vector<T>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// Adds a slice to the pattern of the slices before; both have all rows, most of them empty.
void add_base(Topology& all, const std::vector<Offset>& row_ptrs, const std::vector<Index>& col_idxs) {
  for (std::size_t row = 0; row < row_ptrs.size(); ++row) all.row_ptrs[row] += row_ptrs[row];
  append_to(all.col_idxs, col_idxs);
}

}  // namespace

std::optional<LayerHistory> joined_history(DistributedContext& ctx, LayerHistory own,
                                           Offset connections_before) {
  activity::at("topology history");
  std::vector<std::vector<std::byte>> outgoing(static_cast<std::size_t>(ctx.size()));
  outgoing[0] = message_of(own, connections_before);
  give_back(own.dropped);
  give_back(own.added_rows);
  give_back(own.added_cols);
  if (own.base.has_value()) give_back(own.base->col_idxs);
  const auto messages = exchange_numbers(ctx, outgoing);
  outgoing.clear();
  if (ctx.rank() != 0) return std::nullopt;

  LayerHistory all;
  all.original_rows = own.original_rows;
  all.original_cols = own.original_cols;
  if (own.base.has_value()) {
    all.base.emplace();
    all.base->rows = own.base->rows;
    all.base->cols = own.base->cols;
    all.base->generation = own.base->generation;
    all.base->row_ptrs.assign(own.base->row_ptrs.size(), 0);
  }
  Offset before = 0;
  for (const auto& bytes : messages) {
    PartMessage message(bytes);
    const auto numbers = message.next<Offset>();
    for (const Offset position : message.next<Offset>()) all.dropped.push_back(before + position);
    append_to(all.added_rows, message.next<NeuronId>());
    append_to(all.added_cols, message.next<NeuronId>());
    append_to(all.pruned_rows, message.next<NeuronId>());
    before += numbers[0];
    all.connections += numbers[1];
    all.pattern_hash += static_cast<std::uint64_t>(numbers[2]);
    if (all.base.has_value()) {
      const auto row_ptrs = message.next<Offset>();
      add_base(*all.base, row_ptrs, message.next<Index>());
    }
  }
  return all;
}

}  // namespace plexus
