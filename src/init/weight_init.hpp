#pragma once

#include <vector>

#include "src/sparse/topology.hpp"
#include "src/support/random_stream.hpp"
#include "src/support/registry.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Distribution of the first value of a weight, at the start and when a connection grows.
class WeightInit {
 public:
  virtual ~WeightInit() = default;

  /// The first value of the connection from neuron `col` to neuron `row`: a pure function of its arguments.
  /// @param stream   with Purpose::weight or Purpose::grown_weight; drawn at (row, col).
  /// @param row,col  stable ids.
  /// @param fan_in,fan_out  inputs and outputs of the layer when the network was created, not its
  /// connections:
  ///                 the limits are those of the dense layer, and pruning does not change them.
  [[nodiscard]] virtual Real value(const RandomStream& stream, NeuronId row, NeuronId col, Offset fan_in,
                                   Offset fan_out) const = 0;
};

using WeightInitRegistry = Registry<WeightInit>;  ///< what config key network.init can name
using WeightInitRegistrar = Registrar<WeightInit>;

/// First values of all connections of a new layer, in CSR order; neuron ids are the numbers of rows and
/// columns.
[[nodiscard]] std::vector<Real> first_values(const WeightInit& init, const RandomStream& stream,
                                             const Topology& topology);

/// First values of a new dense layer, rows x cols, row-major.
[[nodiscard]] std::vector<Real> first_dense_values(const WeightInit& init, const RandomStream& stream,
                                                   Index rows, Index cols);

}  // namespace plexus
