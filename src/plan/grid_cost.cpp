#include "src/plan/grid_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <utility>

#include "src/nn/activation.hpp"
#include "src/nn/kernel_tuning.hpp"
#include "src/nn/layer.hpp"
#include "src/optim/optimizer.hpp"
#include "src/sparse/column_tiles.hpp"
#include "src/sparse/slabs.hpp"
#include "src/state/model_snapshot.hpp"

namespace plexus {

namespace {

constexpr double real = sizeof(Real);
constexpr double index_bytes = sizeof(Index);
/// Of a sparse connection, besides the weight and its optimizer state by column: its row there, its column,
/// and in layers that are not too large for it the place by column.
constexpr double pattern_bytes = 2 * index_bytes;
constexpr double map_bytes = index_bytes;
/// The same where parts hold slices, with a copy of the weight in its row.
constexpr double slice_bytes = real + 3 * index_bytes;
/// Of a connection, while its layer is rewired, and the same of a slice. Measured in layers of 20 million.
constexpr double rewiring_bytes = 16;
constexpr double slice_rewiring_bytes = 48;
/// The program with its libraries before it holds anything. Measured with Open MPI 4.1.
constexpr double program_bytes = 29 << 20;
/// Sums under way, as the exchange of gradients reserves them.
constexpr double queue_bytes = 8 << 20;
/// Connections of a part and the row of a neuron: row and column pointers, the ids of rows and of columns.
constexpr double neuron_bytes = 4 * sizeof(Offset);
constexpr double nanosecond = 1e-9;
/// Of the time that parts compute, they wait so long for the slower of them: at each level they meet.
/// Measured on a virtual machine whose host has other tenants: 0.04 to 0.25.
constexpr double waiting_for_slower = 0.1;

/// Products of a connection and a sample in a layer that are worth a thread: 40 microseconds of a forward
/// pass at half of the peak of a Zen 4 core.
constexpr double least_thread_work = 1 << 20;

/// One layer as a part of a grid sees it. Counts are those expected of random connections.
struct Slice {
  const LayerPlan* plan;
  double connections;     ///< that a part owns, by row or by column
  double rows;            ///< that it owns
  double inputs_needed;   ///< of the layer before, its own included
  double outputs_needed;  ///< of this layer, by the columns it owns
  double forward_halo;    ///< values a sample that it receives
  double backward_halo;
};

LayerPlan transposed(const LayerPlan& layer) {
  LayerPlan other = layer;
  std::swap(other.rows, other.cols);
  return other;
}

/// Inputs are no part of the halo: every rank holds the data set.
std::vector<Slice> slices_of(const PlannedRun& run, int parts) {
  std::vector<Slice> slices;
  for (const LayerPlan& plan : run.layers) {
    const double share = 1.0 / parts;
    const double forward = halo_values(plan, parts, run.local_share);
    const double backward = halo_values(transposed(plan), parts, run.local_share);
    slices.push_back({&plan, plan.expected_connections() * share, static_cast<double>(plan.rows) * share,
                      static_cast<double>(plan.cols) * share + forward,
                      static_cast<double>(plan.rows) * share + backward, slices.empty() ? 0.0 : forward,
                      backward});
  }
  return slices;
}

/// The samples of the data group that has most.
Offset samples_of_group(Offset batch, int groups) {
  const Offset shards = (batch + shard_samples - 1) / shard_samples;
  return std::min(batch, (shards + groups - 1) / groups * shard_samples);
}

/// How the lines of a batch are cut into slabs.
struct Lines {
  Index all;
  Index in_full_slabs;
  [[nodiscard]] Index slabs() const {
    return in_full_slabs / slab_lines + (all - in_full_slabs + shard_lines - 1) / shard_lines;
  }
};

Lines lines_of_group(const std::vector<Slice>& slices, Offset samples) {
  double widest = 0;
  for (const Slice& slice : slices) widest = std::max({widest, slice.inputs_needed, slice.outputs_needed});
  const Index lines = lines_of(samples);
  const bool narrow = slab_lines_for(static_cast<Index>(widest)) == slab_lines;
  return {lines, narrow ? lines / slab_lines * slab_lines : 0};
}

bool multiplies_densely(const LayerPlan& plan) {
  return plan.kind == LayerKind::dense || plan.density >= kernel_tuning().dense_density;
}

struct ComputeTime {
  double forward = 0;
  double backward = 0;
  double step = 0;
  [[nodiscard]] double total() const { return forward + backward + step; }
};

/// Seconds of one rank. @param bytes  that pass through its caches in a step
ComputeTime compute_time(const PlannedRun& run, const std::vector<Slice>& slices, int parts, Lines lines,
                         double bytes, const KernelSpeed& kernels) {
  const double full = lines.in_full_slabs;
  const double half = lines.all - lines.in_full_slabs;
  const auto passes = [&](const Curve& in_full, const Curve& in_half, double neurons) {
    return (full > 0 ? full * value_at(in_full, neurons) : 0) +
           (half > 0 ? half * value_at(in_half, neurons) : 0);
  };
  double all_connections = 0;  // between two steps of a layer, those of the others pass through the caches
  for (const Slice& slice : slices) all_connections += slice.connections;
  ComputeTime ns;
  ns.forward = lines.all * (static_cast<double>(run.layers.front().cols) * kernels.gather +
                            static_cast<double>(run.layers.back().rows) * kernels.loss);
  for (std::size_t l = 0; l < slices.size(); ++l) {
    const Slice& slice = slices[l];
    const LayerPlan& plan = *slice.plan;
    ns.forward +=
        slice.connections * (multiplies_densely(plan)
                                 ? kernels.dense_forward * lines.all
                                 : passes(kernels.full.forward, kernels.half.forward, slice.inputs_needed));
    if (plan.kind == LayerKind::dense) {
      ns.backward += slice.connections * kernels.dense_backward * lines.all;
    } else if (l == 0) {
      ns.backward += slice.connections * passes(kernels.full.first, kernels.half.first, slice.outputs_needed);
    } else {
      ns.backward +=
          slice.connections * passes(kernels.full.backward, kernels.half.backward, slice.outputs_needed);
    }
    const bool hidden = l + 1 < slices.size();
    const double of_neuron =
        value_at(kernels.neuron, slice.rows * lines.all) + (hidden && run.dropout ? kernels.dropout : 0);
    ns.forward += slice.rows * lines.all * of_neuron / 2;
    ns.backward += slice.rows * lines.all * of_neuron / 2;
    ns.step += slice.connections * value_at(kernels.step, all_connections);
    if (parts > 1) ns.step += slice.connections * value_at(kernels.carry, all_connections);
  }
  const double unit = nanosecond * (kernels.whole.empty() ? 1 : value_at(kernels.whole, bytes));
  return {ns.forward * unit, ns.backward * unit, ns.step * unit};
}

/// Bytes of what a part packs for others. Where they read all of its neurons, these go as they lie there.
/// @param values  bytes of a neuron
double packed_bytes(const Slice& slice, int parts, double values) {
  const auto packed = [&](double halo, double neurons) {
    const double others = neurons * (1 - 1.0 / parts);
    return others - halo < 1 ? 0 : halo * values;
  };
  return packed(slice.forward_halo, static_cast<double>(slice.plan->cols)) +
         packed(slice.backward_halo, static_cast<double>(slice.plan->rows));
}

/// Bytes of a connection besides the weight and its optimizer state.
double bytes_besides(const Slice& slice, GridShape grid) {
  if (slice.plan->kind == LayerKind::dense) return 0;
  if (grid.model > 1) return slice_bytes;
  const KernelTuning tuning;
  const LayerPlan& plan = *slice.plan;
  const bool tiled = ColumnTiles::worthwhile_cols(
                         static_cast<Index>(plan.rows), static_cast<Index>(plan.cols),
                         static_cast<Offset>(slice.connections), tuning.cached_bytes, tuning.tile_run) > 0;
  const bool mapped = slice.connections <= static_cast<double>(tuning.mapped_connections);
  return pattern_bytes + (tiled ? ColumnTiles::bytes_of_connection : 0) + (mapped ? map_bytes : 0);
}

/// Neurons whose output gradients a rank keeps: of two layers, or of all where a sum may have to be repeated.
double gradients_kept(const PlannedRun& run, const std::vector<Slice>& slices, GridShape grid) {
  std::vector<double> neurons;
  for (const Slice& slice : slices) neurons.push_back(slice.outputs_needed);
  if (run.exact && grid.data > 1) return std::accumulate(neurons.begin(), neurons.end(), 0.0);
  const auto largest_two = neurons.begin() + std::min<std::ptrdiff_t>(std::ssize(neurons), 2);
  std::partial_sort(neurons.begin(), largest_two, neurons.end(), std::greater<>());
  return std::accumulate(neurons.begin(), largest_two, 0.0);
}

GridMemory memory_of(const PlannedRun& run, const std::vector<Slice>& slices, GridShape grid,
                     Offset samples) {
  const double values = static_cast<double>(lines_of(samples)) * line_samples * real;  // bytes of a neuron
  const double of_value = real * (1 + run.optimizer_states);
  GridMemory memory;
  memory.activations = 2 * slices.front().inputs_needed * values;  // of this step and of the next
  memory.activations += gradients_kept(run, slices, grid) * values;
  memory.program = program_bytes;
  for (std::size_t l = 0; l < slices.size(); ++l) {
    const Slice& slice = slices[l];
    memory.parameters += slice.connections * (of_value + bytes_besides(slice, grid));
    memory.parameters += slice.rows * (of_value + neuron_bytes);
    if (slice.plan->evolves) {
      const double of_connection = grid.model > 1 ? slice_rewiring_bytes : rewiring_bytes;
      memory.rewiring = std::max(memory.rewiring, slice.connections * of_connection);
    }
    const bool last = l + 1 == slices.size();
    const double a = last ? slice.rows : slices[l + 1].inputs_needed;
    const double mask = !last && run.dropout ? slice.rows / (line_samples * 2) : 0;  // 2 bytes a line
    memory.activations += values * (a + (run.keeps_z[l] ? slice.rows : 0) + mask);
    memory.exchange += index_bytes * (slice.forward_halo + slice.backward_halo) * 2;  // what comes, what goes
    memory.exchange += packed_bytes(slice, grid.model, values);
    if (grid.model > 1)
      memory.exchange += slice.connections * (2 - 1.0 / grid.model) * real;  // sent, received
  }
  if (grid.model == 1 && run.connections() <= static_cast<double>(most_copied_connections)) {
    for (const Slice& slice : slices) {
      const double of_index = slice.plan->kind == LayerKind::dense ? 0 : index_bytes;
      memory.checkpoint += slice.connections * (of_value + of_index);
    }
  }
  if (grid.data > 1) memory.exchange += queue_bytes;
  memory.data = static_cast<double>(run.samples) *
                (static_cast<double>(run.layers.front().cols) * sizeof(float) + sizeof(std::int32_t));
  return memory;
}

/// Sums among the ranks with the same part: seconds, the first of which may pass while the backward pass goes
/// on; the last part is complete only after it.
double waiting_for_sums(const GridCost& cost, double parts, double messages, double backward,
                        const NetworkSpeed& network) {
  const double seconds = network.sums.empty() ? cost.sums / network.bandwidth + messages * network.latency
                                              : cost.sums * value_at(network.sums, cost.sums);
  return std::max(seconds / parts, seconds - network.hidden * std::min(seconds, backward));
}

/// Seconds until all parts know the largest of a few numbers.
double agreement(const NetworkSpeed& network, int parts) {
  if (network.agreement > 0) return network.agreement;
  return 2 * std::bit_width(static_cast<unsigned>(parts - 1)) * network.latency;
}

/// What the parts of a group send each other in a step, and how long they wait for it.
void add_exchange_of_parts(GridCost& cost, const PlannedRun& run, const std::vector<Slice>& slices,
                           Offset samples, Index slabs, const NetworkSpeed& network) {
  const double peers = cost.grid.model - 1;
  const double share_sent = (1 - 1.0 / cost.grid.model) * (1 - run.local_share);
  double halos = 0;  // exchanges in which each part sends to all others
  for (const Slice& slice : slices) {
    cost.halo += (slice.forward_halo + slice.backward_halo) * static_cast<double>(samples) * real;
    cost.weights += slice.connections * share_sent * real;
    halos += slice.forward_halo > 0 ? 2 : 1;
  }
  const auto layers = static_cast<double>(slices.size());
  const auto seconds = [&](double exchanges, double messages, double bytes) {
    return exchanges * network.latency + (messages - exchanges) * network.message + bytes / network.bandwidth;
  };
  cost.messages += peers * (halos * slabs + layers);
  cost.seconds_waiting += seconds(halos, peers * halos * slabs, cost.halo);
  cost.seconds_waiting += seconds(layers, peers * layers, cost.weights);
  cost.seconds_waiting += waiting_for_slower * cost.seconds_compute;
  // The largest values of all levels tell how fine sums must be.
  if (run.exact) cost.seconds_waiting += (layers + 1) * agreement(network, cost.grid.model);
}

}  // namespace

double PlannedRun::connections() const {
  double sum = 0;
  for (const LayerPlan& layer : layers) sum += layer.expected_connections();
  return sum;
}

double PlannedRun::parameters() const {
  double sum = connections();
  for (const LayerPlan& layer : layers) sum += static_cast<double>(layer.rows);
  return sum;
}

PlannedRun planned_run(const ExperimentConfig& config, Offset samples) {
  PlannedRun run;
  run.layers = plan_layers(config);
  for (std::size_t l = 0; l < run.layers.size(); ++l) {
    const ActivationOptions options{config.network.alpha, static_cast<Index>(l + 2)};
    const char* key = l + 1 == run.layers.size() ? "network.output_activation" : "network.activation";
    run.keeps_z.push_back(
        !ActivationRegistry::instance().make(run.layers[l].activation, key, options)->sign_is_enough());
  }
  const auto optimizer =
      OptimizerRegistry::instance().make(config.optimizer.name, "optimizer.name", config.optimizer);
  run.optimizer_states = static_cast<int>(optimizer->states());
  run.batch = config.training.batch_size;
  if (config.data.train_samples > 0) run.batch = std::min(run.batch, config.data.train_samples);
  run.samples = samples;
  run.dropout = config.network.dropout > 0;
  run.exact = config.parallel.exactness == "exact";
  return run;
}

std::string name_of(GridShape grid) { return fmt::format("{} x {}", grid.data, grid.model); }

std::vector<GridShape> sensible_grids(const PlannedRun& run, int ranks) {
  const bool sparse =
      std::ranges::none_of(run.layers, [](const LayerPlan& layer) { return layer.kind == LayerKind::dense; });
  Offset narrowest = run.layers.front().rows;
  if (run.layers.size() == 1) narrowest = std::min(narrowest, run.layers.front().cols);
  for (std::size_t l = 0; l + 1 < run.layers.size(); ++l) narrowest = std::min(narrowest, run.layers[l].rows);
  const Offset shards = (run.batch + shard_samples - 1) / shard_samples;
  std::vector<GridShape> grids;
  for (int parts = 1; parts <= ranks; ++parts) {
    if (parts > 1 && !sparse) break;
    if (ranks % parts != 0 || parts > narrowest || ranks / parts > shards) continue;
    grids.push_back({ranks / parts, parts});
  }
  return grids;
}

int useful_threads(const PlannedRun& run, int ranks) {
  const auto layers = static_cast<double>(run.layers.size());
  const double of_layer = run.connections() / layers * static_cast<double>(run.batch) / ranks;
  return static_cast<int>(std::clamp(of_layer / least_thread_work, 1.0, 1e6));
}

double needed_share(double density, double lines) {
  return density >= 1 ? 1.0 : -std::expm1(lines * std::log1p(-density));
}

double halo_values(const LayerPlan& layer, int parts, double local_share) {
  const double others = 1 - 1.0 / parts;
  const double rows = static_cast<double>(layer.rows) / parts;
  return static_cast<double>(layer.cols) * others * needed_share(layer.density * (1 - local_share), rows);
}

GridCost cost_of(const PlannedRun& run, GridShape grid, const KernelSpeed& kernels,
                 const NetworkSpeed& network) {
  const std::vector<Slice> slices = slices_of(run, grid.model);
  const Offset samples = samples_of_group(run.batch, grid.data);
  const Lines lines = lines_of_group(slices, samples);
  GridCost cost;
  cost.grid = grid;
  cost.memory = memory_of(run, slices, grid, samples);
  const double bytes = cost.memory.parameters + cost.memory.activations;
  const ComputeTime compute = compute_time(run, slices, grid.model, lines, bytes, kernels);
  cost.seconds_compute = compute.total();
  if (grid.data > 1) {
    const double of_value = run.exact ? sizeof(std::int64_t) : sizeof(Real);
    double values = 0;
    double parts = 0;
    for (const Slice& slice : slices) {
      values += slice.connections + slice.rows;
      parts += std::ceil((slice.connections + slice.rows) / static_cast<double>(Layer::part_values));
    }
    cost.sums = 2.0 * (grid.data - 1) / grid.data * of_value * values;
    const double rounds = std::bit_width(static_cast<unsigned>(grid.data - 1));
    cost.messages = 2 * rounds * parts;
    cost.seconds_waiting += waiting_for_sums(cost, parts, cost.messages, compute.backward, network);
  }
  if (grid.model > 1) add_exchange_of_parts(cost, run, slices, samples, lines.slabs(), network);
  return cost;
}

GridMemory memory_of(const PlannedRun& run, GridShape grid) {
  return memory_of(run, slices_of(run, grid.model), grid, samples_of_group(run.batch, grid.data));
}

std::optional<std::size_t> best_of(const std::vector<GridCost>& costs, std::optional<double> memory) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (memory && costs[i].memory.total() > *memory) continue;
    if (!best || costs[i].seconds() < costs[*best].seconds()) best = i;
  }
  return best;
}

}  // namespace plexus
