#pragma once

#include <vector>

#include "src/rewire/kept_connections.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/support/random_stream.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// What a growth rule may look at. A rule that needs more adds a field here and its source in `evolve`.
struct GrowthInput {
  const KeptConnections& kept;  ///< connections that survived the drop, numbered as after the edit
  const RandomStream& stream;   ///< of this seed, epoch and layer
};

/// Chooses the empty cells of one layer that a rewiring connects. A pure function: every rank comes to the
/// same.
class GrowthRule {
 public:
  virtual ~GrowthRule() = default;

  /// Exactly `count` distinct cells that are empty in `in.kept`, ascending by (row, col). Cells just dropped
  /// may come back. Leaves the values 0: they are drawn by the WeightInit of the network.
  /// @throws Fault if there are fewer empty cells.
  [[nodiscard]] virtual std::vector<GrownConnection> propose(const GrowthInput& in, Offset count) const = 0;
};

}  // namespace plexus
