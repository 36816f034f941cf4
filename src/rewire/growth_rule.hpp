#pragma once

#include <compare>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/support/random_stream.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// A place in a weight matrix.
struct Cell {
  Index row = 0;
  Index col = 0;
  auto operator<=>(const Cell&) const = default;
};

/// What a growth rule may look at. A rule that needs more adds a field here and its source in `evolve`.
struct GrowthInput {
  const Topology& kept;        ///< connections that survived the drop, numbered as after the edit
  const RandomStream& stream;  ///< of this seed, epoch and layer
};

/// Chooses the empty cells of one layer that a rewiring connects. A pure function: every rank comes to the
/// same.
class GrowthRule {
 public:
  virtual ~GrowthRule() = default;

  /// Exactly `count` distinct cells that are empty in `in.kept`, ascending. Cells just dropped may come back.
  /// @throws Fault if there are fewer empty cells.
  [[nodiscard]] virtual std::vector<Cell> propose(const GrowthInput& in, Offset count) const = 0;
};

}  // namespace plexus
