#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "src/parts/peer_messages.hpp"
#include "src/support/layer_parts.hpp"

namespace plexus {

/// The parts that hold one copy of a network between them, seen from one of them: each owns neighbouring
/// neurons of every level (the inputs are level 0, the neurons of layer l are level l + 1), and what travels
/// between them while they train.
class Parts : public LayerParts {
 public:
  /// Collective. Message p goes to part p. @return message p came from part p
  [[nodiscard]] virtual std::vector<std::vector<std::byte>> exchange_bytes(
      std::vector<std::vector<std::byte>> messages) = 0;
  /// Collective. A way for messages in the background, apart from all others.
  [[nodiscard]] virtual std::unique_ptr<PeerMessages> messages() = 0;
};

}  // namespace plexus
