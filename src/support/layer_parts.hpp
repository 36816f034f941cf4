#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/support/types.hpp"

namespace plexus {

/// The parts that hold a network between them: of every layer a slice of the rows each, part 0 the first
/// rows, part 1 the next. This is how rules see the other parts. All parts make the same calls in the same
/// order, from the thread that the layers belong to.
class LayerParts {
 public:
  virtual ~LayerParts() = default;

  [[nodiscard]] virtual int count() const = 0;
  /// Number of this part.
  [[nodiscard]] virtual int own() const = 0;

  /// Replaces each value by its sum over the parts, which must fit. All parts pass as many.
  virtual void sum(std::span<std::int64_t> values) = 0;
  /// Replaces each value by the greatest of the parts. All parts pass as many.
  virtual void maximum(std::span<std::int64_t> values) = 0;
  /// Sends to_parts[p] to part p, any number of values.
  /// @return what each part sent to this one, in the order of the parts
  [[nodiscard]] virtual std::vector<std::vector<Offset>> exchange(
      std::vector<std::vector<Offset>> to_parts) = 0;
};

/// The only part of a network that is not cut: nothing is sent, and no call costs anything.
[[nodiscard]] LayerParts& one_part();

/// Where the items of each part begin when the parts hold so many, one part after the other: count() + 1
/// numbers, the last one the number of all items. Collective.
[[nodiscard]] std::vector<Offset> part_begins(LayerParts& parts, Offset own_items);

/// What each part passes, in the order of the parts. Collective.
[[nodiscard]] std::vector<std::vector<Offset>> gathered(LayerParts& parts, const std::vector<Offset>& own);

/// The part that holds an item. @param begins as `part_begins` returns it
[[nodiscard]] std::size_t part_of(Offset item, const std::vector<Offset>& begins);

}  // namespace plexus
