#pragma once

#include <span>
#include <vector>

#include "src/rewire/kept_connections.hpp"
#include "src/support/layer_parts.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// What a drop rule may look at. A rule that needs more adds a field here and its source in `evolve`.
struct DropInput {
  const KeptConnections& left;     ///< connections that are left once pruned neurons are gone
  std::span<const Real> values;    ///< one a connection
  double drop_fraction;            ///< config key topology.drop_fraction
  LayerParts& parts = one_part();  ///< which hold the other rows of the layer
};

/// Chooses the connections of one layer that a rewiring removes. A pure function of the whole layer: the
/// parts of a cut layer choose between them what one part alone does.
class DropRule {
 public:
  virtual ~DropRule() = default;

  /// Ascending positions in `in.left`. Collective over `in.parts`.
  [[nodiscard]] virtual std::vector<Offset> select(const DropInput& in) const = 0;
};

}  // namespace plexus
