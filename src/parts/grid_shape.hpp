#pragma once

namespace plexus {

/// How ranks share the work: `data` groups share out the samples of a batch, and the `model` ranks of a group
/// share out the neurons of the network.
struct GridShape {
  int data = 1;
  int model = 1;
  [[nodiscard]] int ranks() const { return data * model; }
  bool operator==(const GridShape&) const = default;
};

}  // namespace plexus
