#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "src/config/experiment_config.hpp"
#include "src/nn/first_layers.hpp"
#include "src/parts/grid_shape.hpp"
#include "src/plan/machine_speed.hpp"
#include "src/support/types.hpp"

namespace plexus {

/// What a config and its data make a run cost, whatever the ranks. Nothing of the size of the network is
/// made.
struct PlannedRun {
  std::vector<LayerPlan> layers;
  std::vector<bool> keeps_z;  ///< per layer: whether values before the activation are kept
  Offset batch = 0;           ///< samples of a step
  Offset samples = 0;         ///< of the data set that every rank holds, tests included; 0 = not counted
  int optimizer_states = 0;   ///< values a connection
  bool dropout = false;
  bool exact = true;       ///< sums of gradients are integers
  double local_share = 0;  ///< of the connections, grown inside their part beyond what falls there by chance

  [[nodiscard]] double connections() const;
  [[nodiscard]] double parameters() const;
};

/// @param samples  of the data set, if known: training and test together
/// @throws InputError if `config` names something that does not exist
[[nodiscard]] PlannedRun planned_run(const ExperimentConfig& config, Offset samples);

/// "2 x 3": data groups x model parts.
[[nodiscard]] std::string name_of(GridShape grid);

/// All grids of `ranks` ranks, fewest model parts first, in which every data group has a shard of the batch
/// and every part has neurons of each hidden layer (of inputs and outputs, where there is no hidden layer).
/// Parts share out sparse layers only.
[[nodiscard]] std::vector<GridShape> sensible_grids(const PlannedRun& run, int ranks);

/// Bytes that one rank holds.
struct GridMemory {
  double parameters = 0;   ///< connections with indices and optimizer state, neurons
  double activations = 0;  ///< of the rank's samples; given back before a rewiring
  double rewiring = 0;     ///< for a moment, of the largest layer
  double checkpoint = 0;   ///< the copy of a network that is written while training goes on
  double exchange = 0;     ///< sums under way, halo lists and buffers
  double data = 0;
  double program = 0;  ///< what any run takes
  /// The most at a time.
  [[nodiscard]] double total() const {
    return parameters + std::max(activations + checkpoint, rewiring) + exchange + data + program;
  }
};

/// What the busiest rank of a grid holds, sends (and receives as much) in a step, and how long the step
/// takes.
struct GridCost {
  GridShape grid;
  GridMemory memory;
  double sums = 0;      ///< bytes: gradients summed among the ranks with the same part
  double halo = 0;      ///< bytes: activations and output gradients of other parts' neurons
  double weights = 0;   ///< bytes: changed weights, from who updates them to who multiplies with them
  double messages = 0;  ///< sent
  double seconds_compute = 0;
  double seconds_waiting = 0;  ///< what computing does not hide of the exchange
  [[nodiscard]] double seconds() const { return seconds_compute + seconds_waiting; }
  [[nodiscard]] double bytes() const { return sums + halo + weights; }
};

/// What a rank of `grid` needs, of the data group that has most samples.
[[nodiscard]] GridMemory memory_of(const PlannedRun& run, GridShape grid);

/// The cost model; src/plan/README.md derives it.
[[nodiscard]] GridCost cost_of(const PlannedRun& run, GridShape grid, const KernelSpeed& kernels,
                               const NetworkSpeed& network);

/// Threads that each of `ranks` ranks has enough work for: as many as compute for some ten microseconds
/// between two meetings, one after each layer of each pass. At least 1.
[[nodiscard]] int useful_threads(const PlannedRun& run, int ranks);

/// Share of the neurons of a layer that someone with `lines` rows (or columns) of the matrix between two
/// layers needs: those with at least one connection among them, by chance.
[[nodiscard]] double needed_share(double density, double lines);

/// Values that each part receives a sample for the forward pass of `layer`: activations of other parts'
/// neurons. The backward pass is that of the transposed layer.
/// Source: with n columns of d connections, n (1 - 1/M) (1 - exp(-(1 - f) d / M)).
[[nodiscard]] double halo_values(const LayerPlan& layer, int parts, double local_share);

/// The one that takes least time among those that need at most `memory` bytes a rank.
[[nodiscard]] std::optional<std::size_t> best_of(const std::vector<GridCost>& costs,
                                                 std::optional<double> memory);

}  // namespace plexus
