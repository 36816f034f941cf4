#pragma once

#include <span>
#include <vector>

#include "src/rewire/kept_connections.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// What a drop rule may look at. A rule that needs more adds a field here and its source in `evolve`.
struct DropInput {
  const KeptConnections& left;   ///< connections that are left once pruned neurons are gone
  std::span<const Real> values;  ///< one a connection
  double drop_fraction;          ///< config key topology.drop_fraction
};

/// Chooses the connections of one layer that a rewiring removes. A pure function: every rank comes to the
/// same.
class DropRule {
 public:
  virtual ~DropRule() = default;

  /// Ascending positions in `in.left`.
  [[nodiscard]] virtual std::vector<Offset> select(const DropInput& in) const = 0;
};

}  // namespace plexus
