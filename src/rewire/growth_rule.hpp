#pragma once

#include <vector>

#include "src/rewire/kept_connections.hpp"
#include "src/rewire/layer_blocks.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/support/layer_parts.hpp"
#include "src/support/random_stream.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// That a share of the connections grows inside blocks.
struct GrowthInside {
  const LayerBlocks& blocks;   ///< of the layer as it is after the edit
  double share;                ///< (0, 1]
  const RandomStream& stream;  ///< as `GrowthInput::stream`, for the cells inside
};

/// What a growth rule may look at. A rule that needs more adds a field here and its source in `evolve`.
struct GrowthInput {
  const KeptConnections& kept;           ///< connections that survived the drop, numbered as after the edit
  const RandomStream& stream;            ///< of this seed, epoch and layer
  LayerParts& parts = one_part();        ///< which hold the other rows of the layer
  const GrowthInside* inside = nullptr;  ///< nullptr = blocks do not matter
};

/// Chooses the empty cells of one layer that a rewiring connects. A pure function of the whole layer: the
/// parts of a cut layer choose between them what one part alone does.
class GrowthRule {
 public:
  virtual ~GrowthRule() = default;

  /// Exactly `count` distinct cells of all parts that are empty in their `in.kept`: those of this part, with
  /// its numbers of rows, ascending by (row, col). Cells just dropped may come back. Leaves the values 0:
  /// they are drawn by the WeightInit of the network. Collective over `in.parts`.
  /// @throws Fault if there are fewer empty cells.
  [[nodiscard]] virtual std::vector<GrownConnection> propose(const GrowthInput& in, Offset count) const = 0;
};

}  // namespace plexus
