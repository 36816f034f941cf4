#pragma once

#include <span>
#include <vector>

#include "src/sparse/topology.hpp"
#include "src/support/random_stream.hpp"
#include "src/support/registry.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// Size of a layer when the network was created: the limits of first weights are those of the dense layer,
/// and neither the number of connections nor pruning changes them.
struct Fans {
  Offset in = 0;   ///< inputs
  Offset out = 0;  ///< outputs
};

/// Distribution of the first value of a weight, at the start and when a connection grows.
class WeightInit {
 public:
  virtual ~WeightInit() = default;

  /// First values of the connections from neurons `cols` to neurons `rows`, stable ids: values[i] is a pure
  /// function of (rows[i], cols[i]).
  /// @param stream  with Purpose::weight or Purpose::grown_weight; drawn at (row, col).
  virtual void draw(const RandomStream& stream, std::span<const NeuronId> rows,
                    std::span<const NeuronId> cols, Fans fans, std::span<Real> values) const = 0;

  /// The value of one connection.
  [[nodiscard]] Real value(const RandomStream& stream, NeuronId row, NeuronId col, Fans fans) const {
    Real value = 0;
    draw(stream, {&row, 1}, {&col, 1}, fans, {&value, 1});
    return value;
  }
};

using WeightInitRegistry = Registry<WeightInit>;  ///< what config key network.init can name
using WeightInitRegistrar = Registrar<WeightInit>;

/// Connections whose weights are drawn by one call of WeightInit::draw where there are many.
constexpr Offset draw_block = 256;

/// First values of all connections of a new layer, in CSR order; neuron ids are the numbers of rows and
/// columns.
[[nodiscard]] std::vector<Real> first_values(const WeightInit& init, const RandomStream& stream,
                                             const Topology& topology);

/// The same for a slice, whose rows are those from `first_row` on, of a layer of this size.
[[nodiscard]] std::vector<Real> first_values_of_slice(const WeightInit& init, const RandomStream& stream,
                                                      const Topology& slice, Index first_row, Fans fans);

/// First values of a new dense layer, rows x cols, row-major.
[[nodiscard]] std::vector<Real> first_dense_values(const WeightInit& init, const RandomStream& stream,
                                                   Index rows, Index cols);

}  // namespace plexus
