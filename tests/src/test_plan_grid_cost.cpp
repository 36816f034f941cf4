#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/plan/grid_cost.hpp"
#include "src/sparse/slabs.hpp"

namespace plexus {
namespace {

LayerPlan sparse(Offset rows, Offset cols, double density) {
  LayerPlan layer;
  layer.rows = rows;
  layer.cols = cols;
  layer.density = density;
  layer.activation = "relu";
  return layer;
}

/// 40 - 60 - 20, half of the cells connected: 1200 and 600 connections; 128 samples in 4 shards.
PlannedRun small_run() {
  PlannedRun run;
  run.layers = {sparse(60, 40, 0.5), sparse(20, 60, 0.5)};
  run.keeps_z = {false, false};
  run.batch = 128;
  run.optimizer_states = 1;
  return run;
}

/// Square layers of `neurons` with `degree` connections a neuron.
PlannedRun square_run(std::size_t layers, Offset neurons, double degree, Offset batch) {
  PlannedRun run;
  run.layers.assign(layers, sparse(neurons, neurons, degree / static_cast<double>(neurons)));
  run.keeps_z.assign(layers, false);
  run.batch = batch;
  run.optimizer_states = 1;
  return run;
}

/// Every passage of a connection takes so many nanoseconds a line, and nothing else takes time.
KernelSpeed passages_only(double forward, double backward, double first, double step) {
  const auto flat = [](double value) { return Curve{{1, value}}; };
  KernelSpeed speed;
  speed.full = {flat(forward), flat(backward), flat(first)};
  speed.half = speed.full;
  speed.step = flat(step);
  speed.carry = flat(0);
  speed.neuron = flat(0);
  return speed;
}

const NetworkSpeed fast_network{0, 1e15, 1, {}};

GridCost cost(const PlannedRun& run, GridShape grid, const NetworkSpeed& network = fast_network) {
  return cost_of(run, grid, passages_only(1, 2, 1.5, 0.5), network);
}

TEST(PlanGridCost, NeededShareIsTheChanceOfAConnection) {
  EXPECT_DOUBLE_EQ(needed_share(0.5, 1), 0.5);
  EXPECT_DOUBLE_EQ(needed_share(0.5, 2), 0.75);
  EXPECT_DOUBLE_EQ(needed_share(1, 3), 1);
  EXPECT_NEAR(needed_share(1e-9, 1e9), 1 - std::exp(-1.0), 1e-8);
}

TEST(PlanGridCost, HaloFollowsTheFormulaOfRandomGraphs) {
  const double n = 100000;
  const double d = 40;
  for (const int parts : {1, 2, 16, 64, 512}) {
    for (const double local : {0.0, 0.9}) {
      const double expected = n * (1 - 1.0 / parts) * (1 - std::exp(-(1 - local) * d / parts));

      EXPECT_NEAR(halo_values(sparse(100000, 100000, d / n), parts, local), expected, 1e-3 * expected + 1e-9);
    }
  }
}

TEST(PlanGridCost, HaloIsThatOfARandomTopology) {
  constexpr Index neurons = 3000;
  constexpr Index parts = 6;
  constexpr double density = 0.003;
  const Topology topology = erdos_renyi(neurons, neurons, density, RandomStream(3, Purpose::topology));
  constexpr Index of_part = neurons / parts;

  Offset needed = 0;  // by all parts
  for (Index part = 0; part < parts; ++part) {
    std::vector<bool> seen(neurons, false);
    const auto begin = topology.row_ptrs[static_cast<std::size_t>(part * of_part)];
    const auto end = topology.row_ptrs[static_cast<std::size_t>((part + 1) * of_part)];
    for (Offset p = begin; p < end; ++p) {
      const Index column = topology.col_idxs[static_cast<std::size_t>(p)];
      if (column / of_part == part || seen[static_cast<std::size_t>(column)]) continue;
      seen[static_cast<std::size_t>(column)] = true;
      ++needed;
    }
  }

  EXPECT_NEAR(halo_values(sparse(neurons, neurons, density), parts, 0), static_cast<double>(needed) / parts,
              0.03 * static_cast<double>(needed) / parts);
}

TEST(PlanGridCost, OneRankHolds20BytesAConnectionAndSendsNothing) {
  const GridCost one = cost(small_run(), {1, 1});

  // Besides: bias and its momentum, pointers of row and column, ids of row and column.
  EXPECT_DOUBLE_EQ(one.memory.parameters, 20.0 * 1800 + 40.0 * 80);
  // Inputs of two steps, 60 and 20 neurons with their gradients.
  EXPECT_DOUBLE_EQ(one.memory.activations, 4.0 * 128 * (2 * 40 + 2 * 60 + 2 * 20));
  EXPECT_EQ(one.memory.exchange, 0);
  EXPECT_EQ(one.bytes(), 0);
  EXPECT_EQ(one.messages, 0);
  EXPECT_EQ(one.seconds_waiting, 0);
}

TEST(PlanGridCost, OnlyASmallWholeNetworkIsCopiedForACheckpoint) {
  const PlannedRun small = square_run(2, 200'000, 40, 64);
  const PlannedRun large = square_run(20, 200'000, 40, 64);

  const GridMemory memory = cost(small, {1, 1}).memory;
  EXPECT_DOUBLE_EQ(memory.checkpoint, 12 * small.connections());
  EXPECT_EQ(memory.total(),
            memory.parameters + memory.activations + memory.checkpoint + memory.exchange + memory.program);
  EXPECT_EQ(cost(small, {1, 2}).memory.checkpoint, 0);
  EXPECT_EQ(cost(large, {1, 1}).memory.checkpoint, 0);
}

TEST(PlanGridCost, ALargeLayerHasNoMapOfItsWeights) {
  const PlannedRun run = square_run(2, 200'000, 40, 64);

  const double neurons = 2 * 200'000;
  EXPECT_NEAR(cost(run, {1, 1}).memory.parameters, 16.0 * run.connections() + 40.0 * neurons,
              1e-3 * run.connections());
}

TEST(PlanGridCost, ActivationsGrowByWhatIsKept) {
  PlannedRun run = small_run();
  const double without = cost(run, {1, 1}).memory.activations;

  run.keeps_z = {true, false};
  run.dropout = true;

  EXPECT_DOUBLE_EQ(cost(run, {1, 1}).memory.activations - without, 4.0 * 128 * 60 + 2.0 * 60 * 8);
}

TEST(PlanGridCost, ARewiringTakesItsMemoryFromThatOfActivations) {
  PlannedRun run = square_run(2, 200'000, 40, 64);
  for (LayerPlan& layer : run.layers) layer.evolves = true;
  GridMemory memory = cost(run, {1, 1}).memory;
  memory.checkpoint = 0;
  EXPECT_NEAR(memory.rewiring, 16 * 40 * 200'000.0, 1e-3 * memory.rewiring);
  EXPECT_NEAR(cost(run, {1, 2}).memory.rewiring, 48 * 20 * 200'000.0, 1e-3 * memory.rewiring);

  EXPECT_LT(memory.rewiring, memory.activations);
  const double total = memory.total();
  memory.activations -= 1;
  EXPECT_EQ(memory.total(), total - 1);
  memory.activations = 0;
  EXPECT_EQ(memory.total(), memory.parameters + memory.rewiring + memory.program);

  for (LayerPlan& layer : run.layers) layer.evolves = false;
  EXPECT_EQ(cost(run, {1, 1}).memory.rewiring, 0);
}

TEST(PlanGridCost, EveryRankHoldsTheDataSet) {
  PlannedRun run = small_run();
  run.samples = 1000;

  for (const GridShape grid : {GridShape{1, 1}, GridShape{2, 1}, GridShape{1, 2}})
    EXPECT_DOUBLE_EQ(cost(run, grid).memory.data, 1000.0 * (40 * 4 + 4));
}

TEST(PlanGridCost, DataGroupsSumAllGradients) {
  PlannedRun run = small_run();

  const GridCost exact = cost(run, {4, 1});
  run.exact = false;
  const GridCost fast = cost(run, {4, 1});

  EXPECT_DOUBLE_EQ(exact.sums, 2 * 0.75 * 8 * (1800 + 80));
  EXPECT_DOUBLE_EQ(fast.sums, exact.sums / 2);
  EXPECT_EQ(exact.halo + exact.weights, 0);
  EXPECT_DOUBLE_EQ(exact.messages, 2 * 2 * 2);  // up and down a tree of 4 ranks, for a part of each layer
  EXPECT_DOUBLE_EQ(exact.memory.exchange, 8 << 20);
}

TEST(PlanGridCost, PartsExchangeHalosAndWeights) {
  PlannedRun run = small_run();
  const double needs_second = 1 - std::pow(0.5, 10);  // of a hidden neuron, by half of the 20 outputs
  const double needs_hidden = 1 - std::pow(0.5, 20);  // gradients of hidden neurons, by half of the inputs
  const double needs_output = 1 - std::pow(0.5, 30);

  const GridCost two = cost(run, {1, 2});

  const double values = 30 * needs_second + 30 * needs_hidden + 10 * needs_output;
  EXPECT_NEAR(two.halo, 4 * 128 * values, 1e-6);
  EXPECT_DOUBLE_EQ(two.weights, 4 * 900 * 0.5);
  EXPECT_EQ(two.sums, 0);
  EXPECT_DOUBLE_EQ(two.messages, 3 * 2 + 2);  // of each of two slabs, but none of inputs; weights
}

TEST(PlanGridCost, AHybridGridDividesBoth) {
  const PlannedRun run = square_run(3, 4000, 40, 256);

  const GridCost hybrid = cost(run, {4, 2});

  const double parameters = run.parameters();
  EXPECT_NEAR(hybrid.sums, 2 * 0.75 * 8 * parameters / 2, 1e-3);
  EXPECT_NEAR(hybrid.halo, cost(run, {1, 2}).halo / 4, 1e-3);
  EXPECT_NEAR(hybrid.weights, cost(run, {1, 2}).weights, 1e-3);
  // Slices have a copy of the weights in addition: 24 bytes a connection instead of 20.
  EXPECT_NEAR(hybrid.memory.parameters, 0.6 * cost(run, {8, 1}).memory.parameters,
              0.02 * hybrid.memory.parameters);
}

TEST(PlanGridCost, ComputingTakesAPassageOfEachConnectionAndLine) {
  // 8 lines: layer 1 forward 1, first 1.5; layer 2 forward 1, backward 2; a step 0.5 for each.
  const double ns = 8 * (1200 * 2.5 + 600 * 3.0) + 0.5 * 1800;

  EXPECT_NEAR(cost(small_run(), {1, 1}).seconds_compute, 1e-9 * ns, 1e-15);
  EXPECT_NEAR(cost(small_run(), {1, 2}).seconds_compute, 0.5e-9 * ns, 1e-15);
  EXPECT_NEAR(cost(small_run(), {2, 1}).seconds_compute, 1e-9 * (ns - 900) / 2 + 0.9e-6, 1e-15);
  // Of four shards three groups have two, one and one.
  EXPECT_NEAR(cost(small_run(), {3, 1}).seconds_compute, cost(small_run(), {2, 1}).seconds_compute, 1e-15);
}

TEST(PlanGridCost, WidthDecidesWhatAPassageTakes) {
  KernelSpeed kernels = passages_only(1, 1, 1, 0);
  kernels.full.forward = {{1000, 1}, {16000, 5}};
  kernels.half.forward = {{1000, 1}, {100000, 9}};
  const auto forward = [&](Offset neurons) {
    const PlannedRun run = square_run(1, neurons, 40, 64);
    const double all = cost_of(run, {1, 1}, kernels, fast_network).seconds_compute;
    return all / (run.connections() * 4 * 1e-9) - 1;
  };

  EXPECT_NEAR(forward(1000), 1, 1e-9);
  EXPECT_NEAR(forward(16000), 5, 1e-9);
  EXPECT_NEAR(forward(100000), 9, 1e-9);  // slabs of 32 samples
}

TEST(PlanGridCost, SumsHideBehindTheBackwardPassButForTheLastPart) {
  const PlannedRun run = square_run(2, 100000, 40, 64);
  const double sent = cost(run, {2, 1}).sums;
  const double parts = 2 * std::ceil((4e6 + 1e5) / 20480);
  const double backward = 1e-9 * 2 * 4e6 * (1.5 + 2);
  const auto waiting = [&](double bandwidth, double hidden) {
    return cost(run, {2, 1}, {0, bandwidth, hidden, {}}).seconds_waiting;
  };

  EXPECT_NEAR(waiting(sent / (3 * backward), 1), 2 * backward, 1e-9);
  EXPECT_NEAR(waiting(sent / (3 * backward), 0.5), 2.5 * backward, 1e-9);
  EXPECT_NEAR(waiting(sent / (0.5 * backward), 1), 0.5 * backward / parts, 1e-9);
}

TEST(PlanGridCost, MeasuredSumsReplaceLatencyAndBandwidth) {
  const PlannedRun run = small_run();
  const NetworkSpeed measured{1, 1, 0, {{1, 2e-9}}};

  const GridCost two = cost(run, {2, 1}, measured);

  EXPECT_NEAR(two.seconds_waiting, two.sums * 2e-9, 1e-15);
}

TEST(PlanGridCost, HalosAndWeightsTakeLatencyMessagesAndBandwidth) {
  PlannedRun run = small_run();
  const NetworkSpeed network{1e-3, 1e6, 1, {}, 1e-4, 7e-3};

  const KernelSpeed no_time = passages_only(0, 0, 0, 0);

  const GridCost exact = cost_of(run, {1, 2}, no_time, network);
  run.exact = false;
  const GridCost fast = cost_of(run, {1, 2}, no_time, network);

  // Three halos of two slabs and the weights of two layers; how large values are is agreed on for each level.
  const double exchanges = (exact.halo + exact.weights) / 1e6 + 5e-3 + 3 * 1e-4;
  EXPECT_NEAR(exact.seconds_waiting, exchanges + 3 * 7e-3, 1e-12);
  EXPECT_NEAR(fast.seconds_waiting, exchanges, 1e-12);
}

TEST(PlanGridCost, PartsWaitForTheSlowerOfThem) {
  const GridCost two = cost(small_run(), {1, 2});

  EXPECT_NEAR(two.seconds_waiting, 0.1 * two.seconds_compute, 1e-9);
}

TEST(PlanGridCost, AgreementsAreTreesWhereTheyWereNotMeasured) {
  PlannedRun run = small_run();
  const auto waiting = [&](bool exact) {
    run.exact = exact;
    return cost(run, {1, 4}, {1e-3, 1e15, 1, {}}).seconds_waiting;
  };

  EXPECT_NEAR(waiting(true) - waiting(false), 3 * 4e-3, 1e-9);
}

TEST(PlanGridCost, PartsCarryTheWeightsOfTheirConnections) {
  KernelSpeed kernels = passages_only(0, 0, 0, 0);
  kernels.carry = {{900, 3}, {1800, 5}};

  EXPECT_NEAR(cost_of(small_run(), {1, 2}, kernels, fast_network).seconds_compute, 900 * 3e-9, 1e-15);
  EXPECT_EQ(cost_of(small_run(), {1, 1}, kernels, fast_network).seconds_compute, 0);
}

TEST(PlanGridCost, AStepTakesLongerTheMoreConnectionsTheWholeNetworkHas) {
  KernelSpeed kernels = passages_only(0, 0, 0, 0);
  kernels.step = {{1200, 1}, {1800, 2}};

  EXPECT_NEAR(cost_of(small_run(), {1, 1}, kernels, fast_network).seconds_compute, 1800 * 2e-9, 1e-15);
}

TEST(PlanGridCost, PartsHaveBuffersForWeightsAndForValuesThatOthersDoNotAllRead) {
  PlannedRun run = square_run(1, 4000, 40, 64);
  const double halo = halo_values(run.layers[0], 8, 0);

  const GridMemory sparse = cost(run, {1, 8}).memory;
  run.layers[0].density = 1;
  const GridMemory full = cost(run, {1, 8}).memory;

  EXPECT_NEAR(sparse.exchange, 4.0 * halo * 2 + 4 * 64 * halo + 4 * 20000 * (2 - 1.0 / 8), 1);
  EXPECT_NEAR(full.exchange, 4.0 * 3500 * 2 + 4 * 2e6 * (2 - 1.0 / 8), 1);
}

TEST(PlanGridCost, AWholeStepTakesLongerThanItsPieces) {
  KernelSpeed kernels = passages_only(1, 2, 1.5, 0.5);
  const GridCost pieces = cost_of(small_run(), {1, 1}, kernels, fast_network);
  const double bytes = pieces.memory.parameters + pieces.memory.activations;
  kernels.whole = {{bytes / 2, 1}, {bytes, 1.5}};

  EXPECT_DOUBLE_EQ(cost_of(small_run(), {1, 1}, kernels, fast_network).seconds_compute,
                   1.5 * pieces.seconds_compute);
}

TEST(PlanGridCost, ANeuronTakesLongerTheMoreValuesItsLevelHas) {
  KernelSpeed kernels = passages_only(0, 0, 0, 0);
  kernels.neuron = {{160, 1}, {480, 7}};  // 20 and 60 neurons in 8 lines

  EXPECT_NEAR(cost_of(small_run(), {1, 1}, kernels, fast_network).seconds_compute,
              8 * (60 * 7 + 20 * 1) * 1e-9, 1e-15);
}

// distributed-design, section 12: 10^8 connections on 64 ranks of 10 GbE send for 720 ms.
TEST(PlanGridCost, AgreesWithThePublishedTableForFloatSums) {
  PlannedRun run = square_run(10, 250000, 40, 2048);
  run.exact = false;

  EXPECT_NEAR(cost(run, {64, 1}).sums / 1.1e9, 0.720, 0.02);
}

TEST(PlanGridCost, GridsHaveAShardForEachGroupAndNeuronsForEachPart) {
  PlannedRun run = small_run();

  EXPECT_EQ(sensible_grids(run, 6), (std::vector<GridShape>{{3, 2}, {2, 3}, {1, 6}}));
  EXPECT_EQ(sensible_grids(run, 1), (std::vector<GridShape>{{1, 1}}));
  run.layers[0].rows = 2;
  EXPECT_EQ(sensible_grids(run, 6), (std::vector<GridShape>{{3, 2}}));
  EXPECT_TRUE(sensible_grids(run, 7).empty());
}

TEST(PlanGridCost, PartsShareOutSparseLayersOnly) {
  PlannedRun run = small_run();
  run.layers[1].kind = LayerKind::dense;

  EXPECT_EQ(sensible_grids(run, 4), (std::vector<GridShape>{{4, 1}}));
  EXPECT_TRUE(sensible_grids(run, 6).empty());
}

TEST(PlanGridCost, ThreadsAreUsefulWhereEachHasWork) {
  const PlannedRun run = square_run(3, 1000, 40, 128);  // 5.12 million products a layer

  EXPECT_EQ(useful_threads(run, 1), 4);
  EXPECT_EQ(useful_threads(run, 2), 2);
  EXPECT_EQ(useful_threads(run, 64), 1);
}

TEST(PlanGridCost, TheBestIsTheFastestThatFits) {
  std::vector<GridCost> costs(3);
  costs[0].seconds_compute = 2;
  costs[1].seconds_compute = 1;
  costs[1].memory.parameters = 100;
  costs[2].seconds_compute = 3;

  EXPECT_EQ(best_of(costs, std::nullopt), 1U);
  EXPECT_EQ(best_of(costs, 99.0), 0U);
  EXPECT_EQ(best_of({costs[1]}, 99.0), std::nullopt);
}

TEST(PlanGridCost, ATrillionConnectionsAreArithmetic) {
  PlannedRun run = square_run(10, 1'000'000'000, 100, 1024);

  const GridCost data = cost(run, {32, 16});
  const GridCost parts = cost(run, {1, 512});

  EXPECT_NEAR(run.connections(), 1e12, 1e3);
  EXPECT_GT(data.memory.parameters, 24 * 1e12 / 16);
  EXPECT_NEAR(parts.memory.parameters, 24 * 1e12 / 512 + 40 * 1e10 / 512, 1e6);
  EXPECT_TRUE(std::isfinite(parts.seconds()));
}

TEST(PlanGridCost, ARunFollowsItsConfig) {
  ExperimentConfig config;
  config.network.layers = {100, 50, 10};
  config.network.activation = "tanh";
  config.network.dropout = 0.1;
  config.topology.epsilon = 5;
  config.training.batch_size = 512;
  config.data.train_samples = 300;
  config.parallel.exactness = "fast";

  const PlannedRun run = planned_run(config, 400);

  EXPECT_NEAR(run.connections(), 5 * 150 + 5 * 60, 1e-9);
  EXPECT_EQ(run.keeps_z, (std::vector<bool>{true, false}));
  EXPECT_EQ(run.batch, 300);
  EXPECT_EQ(run.samples, 400);
  EXPECT_EQ(run.optimizer_states, 1);
  EXPECT_TRUE(run.dropout);
  EXPECT_FALSE(run.exact);
}

}  // namespace
}  // namespace plexus
