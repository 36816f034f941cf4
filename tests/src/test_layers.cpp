// Layers and batches; gradients have tests of their own in tests/gradient.
#include <gtest/gtest.h>
#include <omp.h>

#include <Eigen/SparseCore>
#include <vector>

#include "src/nn/batch.hpp"
#include "src/nn/first_layers.hpp"
#include "src/nn/layer.hpp"
#include "src/support/parallel.hpp"

namespace plexus {
namespace {

LayerSnapshot layer_of(Index rows, Index cols, double density, const char* output_layer = "fixed") {
  ExperimentConfig config;
  config.network.layers = {cols, rows};
  config.topology.density = density;
  config.topology.output_layer = output_layer;
  return first_layers(config).at(0);
}

Slabs numbered(Index shards, Index neurons) {
  Slabs slabs;
  slabs.resize(shards, neurons);
  for (Offset i = 0; i < shards * slabs.stride(); ++i) slabs.data()[i] = static_cast<Real>(i % 23) - 11;
  return slabs;
}

std::vector<Real> values_of(const Slabs& slabs) {
  return {slabs.data(), slabs.data() + slabs.shards() * slabs.stride()};
}

/// What a layer computes forward and backward, with its gradients.
struct Results {
  std::vector<Real> z, dx, fast;
  std::vector<std::int64_t> exact;
  bool operator==(const Results&) const = default;
};

Results run(Layer& layer) {
  const Slabs x = numbered(3, layer.cols());
  const Slabs delta = numbered(3, layer.rows());
  Slabs z;
  Slabs dx;
  layer.forward(x, z);
  layer.backward(delta, dx);
  Results results{values_of(z), values_of(dx), {}, {}};
  results.fast.resize(static_cast<std::size_t>(layer.parameters()));
  results.exact.resize(results.fast.size());
  layer.gradient_fast(x, delta, results.fast.data());
  EXPECT_EQ(layer.gradient_exact(x, delta, {0x1p20, 0x1p51}, results.exact.data()), GradientCheck::ok);
  return results;
}

TEST(SparseLayer, ThreadsDoNotChangeABit) {
  const auto layer_with = [](int threads) {
    omp_set_num_threads(threads);
    const auto layer = make_layer(layer_of(50, 70, 0.2), InputGradient::wanted);
    return run(*layer);
  };

  const Results one = layer_with(1);

  for (const int threads : {2, 3, 8}) EXPECT_EQ(layer_with(threads), one) << threads << " threads";
  omp_set_num_threads(1);
}

using EigenMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;

/// Neurons x samples.
EigenMatrix as_eigen(const Slabs& slabs) {
  EigenMatrix matrix(slabs.neurons(), slabs.shards() * shard_samples);
  for (Index s = 0; s < slabs.shards(); ++s) {
    for (Index neuron = 0; neuron < slabs.neurons(); ++neuron) {
      for (Index i = 0; i < shard_samples; ++i)
        matrix(neuron, s * shard_samples + i) = slabs.at(s, neuron)[i];
    }
  }
  return matrix;
}

TEST(SparseLayer, AgreesWithEigen) {
  const auto layer = make_layer(layer_of(50, 70, 0.2), InputGradient::wanted);
  const Topology& topology = layer->state().topology;
  std::vector<Eigen::Triplet<double>> entries;
  for (Index row = 0; row < topology.rows; ++row) {
    for (auto p = static_cast<std::size_t>(topology.row_ptrs[static_cast<std::size_t>(row)]);
         p < static_cast<std::size_t>(topology.row_ptrs[static_cast<std::size_t>(row) + 1]); ++p) {
      entries.emplace_back(row, topology.col_idxs[p], layer->state().values[p]);
    }
  }
  Eigen::SparseMatrix<double, Eigen::RowMajor> w(50, 70);
  w.setFromTriplets(entries.begin(), entries.end());
  const Slabs x = numbered(3, 70);
  const Slabs delta = numbered(3, 50);
  Slabs z;
  Slabs dx;
  std::vector<Real> gradient(static_cast<std::size_t>(layer->parameters()));

  layer->forward(x, z);
  layer->backward(delta, dx);
  layer->gradient_fast(x, delta, gradient.data());

  EXPECT_LT((as_eigen(z) - w * as_eigen(x)).cwiseAbs().maxCoeff(), 1e-4);  // the biases of a new layer are 0
  EXPECT_LT((as_eigen(dx) - w.transpose() * as_eigen(delta)).cwiseAbs().maxCoeff(), 1e-4);
  const EigenMatrix full_gradient = as_eigen(delta) * as_eigen(x).transpose();
  for (std::size_t p = 0; p < entries.size(); ++p) {
    ASSERT_NEAR(gradient[p], full_gradient(entries[p].row(), entries[p].col()), 1e-2) << "connection " << p;
  }
}

TEST(DenseLayer, ComputesWhatAFullSparseLayerDoes) {
  LayerSnapshot dense = layer_of(13, 18, 1.0);
  LayerSnapshot sparse = dense;
  sparse.kind = LayerKind::sparse;
  sparse.topology.row_ptrs = {0};
  for (Index row = 0; row < 13; ++row) {
    for (Index col = 0; col < 18; ++col) sparse.topology.col_idxs.push_back(col);
    sparse.topology.row_ptrs.push_back(sparse.topology.connections());
  }
  ASSERT_EQ(dense.kind, LayerKind::dense);

  const Results a = run(*make_layer(dense, InputGradient::wanted));
  const Results b = run(*make_layer(sparse, InputGradient::wanted));

  EXPECT_EQ(a.z, b.z);
  EXPECT_EQ(a.dx, b.dx);
  for (std::size_t i = 0; i < a.exact.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(a.exact[i]), static_cast<double>(b.exact[i]), 64.0) << i;
    ASSERT_NEAR(a.fast[i], b.fast[i], 1e-3) << i;
  }
}

TEST(SparseLayer, EditsCarryMomentumAndRemoveNeurons) {
  LayerSnapshot state = layer_of(3, 4, 1e-9);
  state.topology = {3, 4, {0, 2, 3, 5}, {0, 2, 1, 0, 3}, 7};
  state.values = {1, 2, 3, 4, 5};
  state.value_states = {{10, 20, 30, 40, 50}};
  state.biases = {0.1F, 0.2F, 0.3F};
  state.bias_states = {{1, 2, 3}};
  const auto layer = make_layer(state, InputGradient::wanted);

  layer->apply({7, {1}, {2}, {1, 2, 3}, {{0, 2, 9}}});  // row 1 and column 2 go; (0, 3) grows as (0, 2)

  const LayerSnapshot& after = layer->state();
  EXPECT_EQ(after.topology, (Topology{2, 3, {0, 2, 3}, {0, 2, 2}, 8}));
  EXPECT_EQ(after.values, (std::vector<Real>{1, 9, 5}));
  EXPECT_EQ(after.value_states[0], (std::vector<Real>{10, 0, 50}));
  EXPECT_EQ(after.biases, (std::vector<Real>{0.1F, 0.3F}));
  EXPECT_EQ(after.bias_states[0], (std::vector<Real>{1, 3}));
  EXPECT_EQ(after.row_ids, (std::vector<NeuronId>{0, 2}));
  EXPECT_EQ(after.col_ids, (std::vector<NeuronId>{0, 1, 3}));
}

TEST(DenseLayer, EditsRemoveRowsAndColumns) {
  LayerSnapshot state = layer_of(2, 3, 1.0);
  state.values = {1, 2, 3, 4, 5, 6};
  state.value_states = {{10, 20, 30, 40, 50, 60}};
  const auto layer = make_layer(state, InputGradient::wanted);

  layer->apply({0, {0}, {1}, {}, {}});

  EXPECT_EQ(layer->state().values, (std::vector<Real>{4, 6}));
  EXPECT_EQ(layer->state().value_states[0], (std::vector<Real>{40, 60}));
  EXPECT_EQ(layer->rows(), 1);
  EXPECT_EQ(layer->cols(), 2);
}

TEST(Batch, LanesWithoutASampleAreZero) {
  Dataset data;
  data.features_per_sample = 2;
  data.classes = 3;
  for (int i = 0; i < 40; ++i) {
    data.features.push_back(static_cast<float>(i));
    data.features.push_back(static_cast<float>(100 + i));
    data.labels.push_back(i % 3);
  }
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 18; ++i) ids.push_back(39 - i);
  Batch batch;
  batch.gather(data, std::vector<std::int64_t>(40, 7));  // leaves values behind

  batch.gather(data, ids);

  EXPECT_EQ(batch.inputs.shards(), 2);
  EXPECT_EQ(batch.samples(), 18);
  EXPECT_EQ(batch.inputs.at(0, 0)[3], 36);
  EXPECT_EQ(batch.inputs.at(1, 1)[1], 122);
  EXPECT_EQ(batch.labels[2], 37 % 3);
  for (Index lane = 2; lane < shard_samples; ++lane) {
    EXPECT_EQ(batch.inputs.at(1, 0)[lane], 0);
    EXPECT_EQ(batch.inputs.at(1, 1)[lane], 0);
  }
}

TEST(FirstLayers, CapWhatEpsilonAsksForAndFixTheOutputLayer) {
  ExperimentConfig config;
  config.network.layers = {784, 1000, 10};
  config.topology.epsilon = 20;

  const auto plans = plan_layers(config);

  EXPECT_NEAR(plans[0].density, 20.0 * 1784 / 784000, 1e-12);
  EXPECT_FALSE(plans[0].capped);
  EXPECT_TRUE(plans[0].evolves);
  EXPECT_EQ(plans[1].density, 1.0);
  EXPECT_TRUE(plans[1].capped);
  EXPECT_FALSE(plans[1].evolves);
  EXPECT_EQ(plans[1].kind, LayerKind::sparse);
}

TEST(BalancedCuts, CoverAllRowsAndBalanceConnections) {
  const std::vector<Offset> row_ptrs = {0, 100, 100, 100, 110, 120, 220};

  const auto cuts = balanced_cuts(row_ptrs, 2);

  EXPECT_EQ(cuts, (std::vector<Index>{0, 4, 6}));
  EXPECT_EQ(balanced_cuts(row_ptrs, 1), (std::vector<Index>{0, 6}));
  EXPECT_EQ(balanced_cuts({0}, 3), (std::vector<Index>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace plexus
