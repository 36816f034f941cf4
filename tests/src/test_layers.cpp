// Layers; gradients have tests of their own in tests/gradient.
#include <gtest/gtest.h>
#include <omp.h>

#include <Eigen/SparseCore>
#include <algorithm>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/nn/first_layers.hpp"
#include "src/nn/kernel_tuning.hpp"
#include "src/nn/layer.hpp"
#include "src/nn/slab_groups.hpp"
#include "src/sparse/column_tiles.hpp"
#include "src/support/parallel.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

LayerSnapshot layer_of(Index rows, Index cols, double density, const char* output_layer = "fixed") {
  ExperimentConfig config;
  config.network.layers = {cols, rows};
  config.topology.density = density;
  config.topology.output_layer = output_layer;
  return first_layers(config).at(0);
}

Slabs numbered(Index lines, Index neurons) {
  Slabs slabs;
  slabs.resize(lines, neurons);
  for (Offset sample = 0; sample < Offset{lines} * line_samples; ++sample) {
    for (Index neuron = 0; neuron < neurons; ++neuron)
      slabs.at(sample, neuron) = static_cast<Real>((sample * 7 + neuron * 16) % 23) - 11;
  }
  return slabs;
}

std::vector<Real> values_of(const Slabs& slabs) { return {slabs.data(), slabs.data() + slabs.size()}; }

const NeuronsDone nothing = [](Index, RowRange) {};

/// Moves a gradient from the layer's order to that of the stored weights.
template <class Value>
void sort(const Layer& layer, std::vector<Value>& gradient) {
  const std::vector<Value> before = gradient;
  const auto order = layer.gradient_order();
  for (std::size_t i = 0; i < order.size(); ++i) gradient[static_cast<std::size_t>(order[i])] = before[i];
}

constexpr double scale = 0x1p20;

/// What a layer computes forward and backward, with its gradients.
struct Results {
  std::vector<Real> z, dx, fast;
  std::vector<std::int64_t> exact;
  bool operator==(const Results&) const = default;
};

Results run(Layer& layer, Index lines = 5) {
  const Slabs x = numbered(lines, layer.cols());
  const Slabs delta = numbered(lines, layer.rows());
  Slabs z;
  Slabs dx;
  Results results;
  results.fast.resize(static_cast<std::size_t>(layer.parameters()));
  results.exact.resize(results.fast.size());
  layer.forward(x, z, nothing);
  layer.backward(x, delta, nullptr, FastGradient{1.0, results.fast.data(), nullptr}, nothing);
  layer.backward(x, delta, &dx, ExactGradient{scale, results.exact.data(), nullptr}, nothing);
  sort(layer, results.fast);
  sort(layer, results.exact);
  results.z = values_of(z);
  results.dx = values_of(dx);
  return results;
}

TEST(SparseLayer, ThreadsDoNotChangeABit) {
  const auto layer_with = [](int threads) {
    omp_set_num_threads(threads);
    const auto layer = make_layer(layer_of(50, 70, 0.2));
    return run(*layer);
  };

  const Results one = layer_with(1);

  for (const int threads : {2, 3, 8}) EXPECT_EQ(layer_with(threads), one) << threads << " threads";
  omp_set_num_threads(1);
}

using EigenMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;

/// Neurons x samples.
EigenMatrix as_eigen(const Slabs& slabs) {
  EigenMatrix matrix(slabs.neurons(), slabs.lines() * line_samples);
  for (Offset sample = 0; sample < matrix.cols(); ++sample) {
    for (Index neuron = 0; neuron < slabs.neurons(); ++neuron)
      matrix(neuron, sample) = slabs.at(sample, neuron);
  }
  return matrix;
}

TEST(SparseLayer, AgreesWithEigen) {
  const auto layer = make_layer(layer_of(50, 70, 0.2));
  const LayerSnapshot& state = layer->state();
  std::vector<Eigen::Triplet<double>> entries;
  for (Index row = 0; row < state.topology.rows; ++row) {
    for (auto p = static_cast<std::size_t>(state.topology.row_ptrs[static_cast<std::size_t>(row)]);
         p < static_cast<std::size_t>(state.topology.row_ptrs[static_cast<std::size_t>(row) + 1]); ++p) {
      entries.emplace_back(row, state.topology.col_idxs[p], state.values[p]);
    }
  }
  Eigen::SparseMatrix<double, Eigen::RowMajor> w(50, 70);
  w.setFromTriplets(entries.begin(), entries.end());
  const Slabs x = numbered(5, 70);
  const Slabs delta = numbered(5, 50);
  const EigenMatrix z = w * as_eigen(x);  // the biases of a new layer are 0
  const EigenMatrix dx = w.transpose() * as_eigen(delta);
  const EigenMatrix gradient = as_eigen(delta) * as_eigen(x).transpose();

  Slabs got_z;
  Slabs got_dx;
  std::vector<Real> got_gradient(static_cast<std::size_t>(layer->parameters()));
  layer->forward(x, got_z, nothing);
  layer->backward(x, delta, &got_dx, FastGradient{1.0, got_gradient.data(), nullptr}, nothing);
  sort(*layer, got_gradient);

  EXPECT_LT((as_eigen(got_z) - z).cwiseAbs().maxCoeff(), 1e-4);
  EXPECT_LT((as_eigen(got_dx) - dx).cwiseAbs().maxCoeff(), 1e-4);
  for (std::size_t p = 0; p < entries.size(); ++p) {
    ASSERT_NEAR(got_gradient[p], gradient(entries[p].row(), entries[p].col()), 1e-2) << "connection " << p;
  }
  for (Index row = 0; row < 50; ++row) {
    ASSERT_NEAR(got_gradient[entries.size() + static_cast<std::size_t>(row)], as_eigen(delta).row(row).sum(),
                1e-2);
  }
}

TEST(SparseLayer, TellsWhichNeuronsAreDone) {
  const auto layer = make_layer(layer_of(300, 200, 0.2));
  const Slabs x = numbered(5, 200);
  const Slabs delta = numbered(5, 300);
  std::vector<int> rows(300, 0);
  std::vector<int> cols(200, 0);
  Slabs z;
  Slabs dx;
  std::vector<Real> gradient(static_cast<std::size_t>(layer->parameters()));

  layer->forward(x, z, [&](Index slab, RowRange range) {
    for (Index row = range.begin; row < range.end; ++row)
      rows[static_cast<std::size_t>(row)] += 1 + 10 * slab;
  });
  layer->backward(x, delta, &dx, FastGradient{1.0, gradient.data(), nullptr},
                  [&](Index slab, RowRange range) {
                    for (Index col = range.begin; col < range.end; ++col)
                      cols[static_cast<std::size_t>(col)] += 1 + 10 * slab;
                  });

  EXPECT_EQ(rows, std::vector<int>(300, 12));  // once in slab 0, once in slab 1
  EXPECT_EQ(cols, std::vector<int>(200, 12));
}

/// The layer's state after one step, taken at once or from a gradient handed out.
LayerSnapshot after_step(const LayerSnapshot& start, bool exact, bool at_once, Index lines) {
  const auto layer = make_layer(start);
  const auto sgd = OptimizerRegistry::instance().make("sgd", "optimizer.name", OptimizerConfig{});
  const OptimizerStep step{*sgd, 0.01};
  const Slabs x = numbered(lines, layer->cols());
  const Slabs delta = numbered(lines, layer->rows());
  Slabs dx;
  std::vector<Real> fast(static_cast<std::size_t>(layer->parameters()));
  std::vector<std::int64_t> sums(fast.size());
  if (exact) {
    const auto taken = layer->backward(
        x, delta, &dx, ExactGradient{scale, at_once ? nullptr : sums.data(), at_once ? &step : nullptr},
        nothing);
    const auto magnitudes =
        at_once ? taken
                : layer->update(
                      step, 0, layer->parameters(),
                      [&](Offset first, Offset, std::int64_t*) { return sums.data() + first; }, scale);
    EXPECT_NE(magnitudes, 0U);
  } else {
    layer->backward(x, delta, &dx,
                    FastGradient{1.0, at_once ? nullptr : fast.data(), at_once ? &step : nullptr}, nothing);
    const auto values = [&](Offset first, Offset, Real*) { return fast.data() + first; };
    if (!at_once) layer->update(step, 0, layer->parameters(), values);
  }
  return layer->state();
}

TEST(SparseLayer, ThreadsWithSlabsOfTheirOwnDoNotChangeABit) {
  for (const double density : {0.01, 0.4}) {  // weights are picked by each group, or together
    const LayerSnapshot start = layer_of(400, 250, density);
    for (const Index slabs : {2, 3, 4}) {
      const Index lines = slabs * slab_lines;
      ASSERT_EQ(slab_groups(numbered(lines, 400), {0, slabs}, slabs), slabs) << "a slab for each thread";
      const auto trained = [&] {
        std::vector<Results> results;
        for (const bool exact : {true, false}) {
          results.push_back(run(*make_layer(after_step(start, exact, true, lines)), lines));
        }
        return results;
      };
      const auto expected = with_threads(1, trained);
      for (const int threads : {2, 3, 4, 8}) {
        EXPECT_EQ(with_threads(threads, trained), expected)
            << "density " << density << ", " << slabs << " slabs, " << threads << " threads";
      }
    }
  }
}

TEST(EveryLayer, AStepTakenAtOnceIsTheStepFromTheGradient) {
  for (const double density : {0.2, 0.7, 1.0}) {
    const LayerSnapshot start = layer_of(50, 70, density);
    for (const bool exact : {true, false}) {
      for (const Index lines : {1, 4, 9}) {
        EXPECT_EQ(after_step(start, exact, true, lines), after_step(start, exact, false, lines))
            << "density " << density << ", exact " << exact << ", " << lines << " lines";
      }
    }
  }
}

/// Puts the parts of a gradient together. With a step, updates the layer with each part when the next begins,
/// as an exchange whose memory is full does.
template <class Value>
class Parts final : public GradientSink<Value> {
 public:
  Parts(Layer& layer, const OptimizerStep* step) : layer_(layer), step_(step) {}

  Value* part_begins(Offset first, Offset count) override {
    if (step_ != nullptr) use_last();
    EXPECT_EQ(first, end()) << "parts leave a gap";
    cuts.push_back(first + count);
    first_ = first;
    part_.assign(static_cast<std::size_t>(count), Value{77});
    return part_.data();
  }
  void part_done() override { gradient.insert(gradient.end(), part_.begin(), part_.end()); }

  void use_last() {
    const auto values = [&](Offset first, Offset, Value*) { return part_.data() + (first - first_); };
    if constexpr (std::is_same_v<Value, Real>) {
      layer_.update(*step_, first_, static_cast<Offset>(part_.size()), values);
    } else {
      layer_.update(*step_, first_, static_cast<Offset>(part_.size()), values, scale);
    }
  }
  [[nodiscard]] Offset end() const { return cuts.empty() ? 0 : cuts.back(); }

  std::vector<Value> gradient;
  std::vector<Offset> cuts;

 private:
  Layer& layer_;
  const OptimizerStep* step_;
  Offset first_ = 0;
  std::vector<Value> part_;
};

/// Layers of which each is cut in another way: several parts of weights; rows of a dense matrix; biases in
/// parts of their own; one part.
std::vector<LayerSnapshot> layers_in_parts() {
  return {layer_of(300, 200, 0.9), layer_of(300, 200, 1.0), layer_of(50'000, 3, 0.4), layer_of(50, 70, 0.2)};
}

TEST(EveryLayer, PartsMakeUpTheGradient) {
  for (const LayerSnapshot& start : layers_in_parts()) {
    std::vector<Offset> cuts;
    for (const int threads : {1, 2, 3}) {
      omp_set_num_threads(threads);
      const auto layer = make_layer(start);
      const Slabs x = numbered(3, layer->cols());
      const Slabs delta = numbered(3, layer->rows());
      Slabs dx;
      std::vector<std::int64_t> whole(static_cast<std::size_t>(layer->parameters()));
      layer->backward(x, delta, nullptr, ExactGradient{scale, whole.data()}, nothing);

      Parts<std::int64_t> parts(*layer, nullptr);
      layer->backward(x, delta, &dx, ExactGradient{scale, nullptr, nullptr, &parts}, nothing);

      EXPECT_EQ(parts.gradient, whole);
      if (cuts.empty()) cuts = parts.cuts;
      EXPECT_EQ(parts.cuts, cuts) << "parts differ with " << threads << " threads";
      EXPECT_EQ(cuts.size() > 1, layer->parameters() > Layer::part_values);
    }
  }
  omp_set_num_threads(1);
}

TEST(EveryLayer, ARankWithoutSamplesHandsOutTheSamePartsOfZeros) {
  for (const LayerSnapshot& start : layers_in_parts()) {
    const auto layer = make_layer(start);
    Parts<Real> with_samples(*layer, nullptr);
    layer->backward(numbered(1, layer->cols()), numbered(1, layer->rows()), nullptr,
                    FastGradient{1.0, nullptr, nullptr, &with_samples}, nothing);

    Parts<Real> without(*layer, nullptr);
    layer->backward(numbered(0, layer->cols()), numbered(0, layer->rows()), nullptr,
                    FastGradient{1.0, nullptr, nullptr, &without}, nothing);

    EXPECT_EQ(without.cuts, with_samples.cuts);
    EXPECT_EQ(without.gradient, std::vector<Real>(static_cast<std::size_t>(layer->parameters()), 0));
  }
}

TEST(EveryLayer, PartsMayBeUsedBeforeTheLastIsThere) {
  const auto sgd = OptimizerRegistry::instance().make("sgd", "optimizer.name", OptimizerConfig{});
  const OptimizerStep step{*sgd, 0.01};
  for (const LayerSnapshot& start : layers_in_parts()) {
    const auto layer = make_layer(start);
    const Slabs x = numbered(3, layer->cols());
    const Slabs delta = numbered(3, layer->rows());
    Slabs dx;
    Slabs expected_dx;
    const auto expected = make_layer(start);
    expected->backward(x, delta, &expected_dx, ExactGradient{scale, nullptr, &step}, nothing);

    Parts<std::int64_t> parts(*layer, &step);
    layer->backward(x, delta, &dx, ExactGradient{scale, nullptr, nullptr, &parts}, nothing);
    parts.use_last();

    EXPECT_EQ(layer->state(), expected->state());
    EXPECT_EQ(values_of(dx), values_of(expected_dx));
  }
}

TEST(SparseLayer, ABatchBeyondTheCacheGivesTheSumOfItsParts) {
  LayerSnapshot start =
      layer_of(3000, 20, 0.01);  // a slab of 3000 neurons is more than half of what stays in cache
  const auto layer = make_layer(start);
  const Slabs x = numbered(12, 20);
  const Slabs delta = numbered(12, 3000);
  std::vector<std::int64_t> whole(static_cast<std::size_t>(layer->parameters()));
  layer->backward(x, delta, nullptr, ExactGradient{scale, whole.data(), nullptr}, nothing);

  std::vector<std::int64_t> sum(whole.size(), 0);
  for (Index slab = 0; slab < 3; ++slab) {
    Slabs x_part;
    Slabs delta_part;
    x_part.resize(4, 20);
    delta_part.resize(4, 3000);
    std::copy_n(x.slab(slab).values, x_part.size(), x_part.data());
    std::copy_n(delta.slab(slab).values, delta_part.size(), delta_part.data());
    std::vector<std::int64_t> part(whole.size());
    layer->backward(x_part, delta_part, nullptr, ExactGradient{scale, part.data(), nullptr}, nothing);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
  }

  EXPECT_EQ(sum, whole);
  EXPECT_EQ(after_step(start, true, true, 12), after_step(start, true, false, 12));
}

/// Another tuning for the length of a test.
class Tuned {
 public:
  explicit Tuned(const KernelTuning& tuning) : before_(kernel_tuning()) { use_kernel_tuning(tuning); }
  ~Tuned() { use_kernel_tuning(before_); }
  Tuned(const Tuned&) = delete;
  Tuned& operator=(const Tuned&) = delete;

 private:
  KernelTuning before_;
};

constexpr Offset whatever = std::numeric_limits<Offset>::max();  ///< of anything
constexpr KernelTuning without_tiles{whatever, whatever, 2.0, whatever};

TEST(SparseLayer, FindsTheWeightsOfALargeLayerWithoutAMap) {
  const LayerSnapshot start = layer_of(2000, 300, 0.7);  // more than is picked at a time
  const auto computed = [&](Offset mapped_connections) {
    const Tuned tuned({whatever, whatever, 2.0, whatever, mapped_connections});
    return run(*make_layer(start), 9);
  };
  const auto expected = computed(whatever);
  for (const int threads : {1, 3}) {
    EXPECT_EQ(with_threads(threads, [&] { return computed(0); }), expected) << threads << " threads";
  }
}

TEST(SparseLayer, NoTuningChangesABit) {
  const std::vector<KernelTuning> tunings = {{0, 0, 0.0, 1, 0},
                                             {whatever, whatever, 0.0},
                                             {0, whatever, 2.0, whatever},
                                             {0, 0, 2.0, 1, 0},
                                             {whatever, 0, 2.0, whatever, 0}};
  for (const double density : {0.02, 0.7}) {
    LayerSnapshot start = layer_of(50, 150, density);
    std::iota(start.biases.begin(), start.biases.end(), Real{-20});
    for (const Index lines : {1, 3, 4, 9}) {
      const auto computed = [&](const KernelTuning& tuning) {
        const Tuned tuned(tuning);
        return std::pair(run(*make_layer(start), lines), after_step(start, true, true, lines));
      };

      const auto expected = computed(without_tiles);

      for (const KernelTuning& tuning : tunings) {
        EXPECT_EQ(computed(tuning), expected)
            << "density " << density << ", " << lines << " lines, dense from " << tuning.dense_density;
      }
    }
  }
}

TEST(SparseLayer, TilesOfColumnsDoNotChangeABit) {
  constexpr Index rows = 300;
  constexpr Index cols = 1500;
  const std::vector<std::pair<Index, KernelTuning>> tilings = {{256, {0, whatever, 2.0, whatever}},
                                                               {256, {0, whatever, 2.0, whatever, 0}},
                                                               {256, {whatever, whatever, 2.0, 12}},
                                                               {128, {whatever, whatever, 2.0, 4}},
                                                               {128, {whatever, whatever, 2.0, 4, 0}}};
  LayerSnapshot start = layer_of(rows, cols, 0.07);
  std::iota(start.biases.begin(), start.biases.end(), Real{-20});
  LayerEdit without_neuron{start.topology.generation, {3}, {}, {}, {}};
  for (Offset p = start.topology.row_ptrs[3]; p < start.topology.row_ptrs[4]; ++p)
    without_neuron.dropped.push_back(p);
  for (const Index lines : {1, 3, 9}) {
    const auto computed = [&](const KernelTuning& tuning) {
      const Tuned tuned(tuning);
      const auto layer = make_layer(after_step(start, true, true, lines));
      const Results before = run(*layer, lines);
      layer->apply(without_neuron);
      return std::pair(before, run(*layer, lines));
    };
    const auto tile_cols = [&](const KernelTuning& tuning) {
      return ColumnTiles::worthwhile_cols(rows, cols, start.topology.connections(), tuning.cached_bytes,
                                          tuning.tile_run);
    };
    ASSERT_EQ(tile_cols(without_tiles), 0);
    const auto expected = computed(without_tiles);
    for (const auto& [of_tile, tuning] : tilings) {
      ASSERT_EQ(tile_cols(tuning), of_tile);
      for (const int threads : {1, 2, 3, 8}) {
        EXPECT_EQ(with_threads(threads, [&] { return computed(tuning); }), expected)
            << lines << " lines, " << threads << " threads, tiles of " << of_tile << " columns, map up to "
            << tuning.mapped_connections << " connections";
      }
    }
  }
}

TEST(SparseLayer, ATuningThatChangesLaterChangesNoBit) {
  const LayerSnapshot start = layer_of(60, 700, 0.5);
  const std::vector<KernelTuning> tunings = {
      without_tiles, {whatever, whatever, 2.0, 4}, {whatever, whatever, 0.0, 4}, {0, 0, 0.0, whatever, 0}};
  const auto computed = [&](const KernelTuning& first, const KernelTuning& later) {
    const Tuned tuned(first);
    const auto layer = make_layer(start);
    use_kernel_tuning(later);
    return run(*layer, 9);
  };
  const auto expected = computed(without_tiles, without_tiles);
  for (std::size_t first = 0; first < tunings.size(); ++first) {
    for (std::size_t later = 0; later < tunings.size(); ++later)
      EXPECT_EQ(computed(tunings[first], tunings[later]), expected) << first << " then " << later;
  }
}

TEST(SparseLayer, FindsWeightsWithoutAMapForAnyNumberOfThreads) {
  const LayerSnapshot start = layer_of(50, 150, 0.2);
  const auto trained = [&] {
    const auto layer = make_layer(after_step(start, true, true, 9));
    LayerEdit without_neuron{start.topology.generation, {3}, {}, {}, {}};
    for (Offset p = start.topology.row_ptrs[3]; p < start.topology.row_ptrs[4]; ++p)
      without_neuron.dropped.push_back(p);
    layer->apply(without_neuron);
    return run(*layer);
  };
  const Results expected = trained();
  const Tuned tuned({0, 0, 2.0, whatever, 0});
  for (const int threads : {1, 2, 3, 8}) {
    omp_set_num_threads(threads);
    EXPECT_EQ(trained(), expected) << threads << " threads";
  }
  omp_set_num_threads(1);
}

TEST(SparseLayer, IsMultipliedDenselyByAnyNumberOfThreads) {
  const LayerSnapshot start = layer_of(50, 150, 0.7);
  const Tuned tuned({0, 0, 0.5});
  const Results one = run(*make_layer(start));
  for (const int threads : {2, 3, 8}) {
    omp_set_num_threads(threads);
    EXPECT_EQ(run(*make_layer(start)), one) << threads << " threads";
  }
  omp_set_num_threads(1);
}

TEST(EveryLayer, GroupsOfThreadsDoNotChangeABit) {
  for (const double density : {0.2, 0.7, 1.0}) {
    for (const char* kind : {"fixed", "dense"}) {
      const LayerSnapshot start = layer_of(10, 150, density, kind);
      for (const Index lines : {8, 15, 24}) {
        const Results one = run(*make_layer(start), lines);
        for (const int threads : {2, 3, 4, 6, 8}) {
          const auto computed = [&] { return run(*make_layer(start), lines); };
          EXPECT_EQ(with_threads(threads, computed), one)
              << kind << ", density " << density << ", " << lines << " lines, " << threads << " threads";
        }
      }
    }
  }
}

TEST(EveryLayer, ARankWithoutSamplesHasAGradientOfZero) {
  for (const double density : {0.2, 1.0}) {
    const auto layer = make_layer(layer_of(5, 7, density));
    std::vector<std::int64_t> gradient(static_cast<std::size_t>(layer->parameters()), 7);
    Slabs x;
    Slabs delta;
    Slabs dx;
    x.resize(0, 7);
    delta.resize(0, 5);

    layer->backward(x, delta, &dx, ExactGradient{scale, gradient.data(), nullptr}, nothing);

    EXPECT_EQ(gradient, std::vector<std::int64_t>(gradient.size(), 0));
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

  const Results a = run(*make_layer(dense));
  const Results b = run(*make_layer(sparse));

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
  const auto layer = make_layer(state);

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
  const auto layer = make_layer(state);

  layer->apply({0, {0}, {1}, {}, {}});

  EXPECT_EQ(layer->state().values, (std::vector<Real>{4, 6}));
  EXPECT_EQ(layer->state().value_states[0], (std::vector<Real>{40, 60}));
  EXPECT_EQ(layer->rows(), 1);
  EXPECT_EQ(layer->cols(), 2);
}

}  // namespace
}  // namespace plexus
