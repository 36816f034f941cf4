#include "mpi/trainer.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpi/collective_check.hpp"
#include "mpi/shard_share.hpp"
#include "src/state/layer_slices.hpp"
#include "src/support/random_stream.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

/// Samples around one random centre per class: easy enough to learn in a few epochs.
Dataset blobs(Offset samples, Index features, Index classes, std::uint64_t seed) {
  Dataset data;
  data.features_per_sample = features;
  data.classes = classes;
  const RandomStream centres(7, Purpose::subset);
  const RandomStream noise(seed, Purpose::subset);
  for (Offset i = 0; i < samples; ++i) {
    const auto label = static_cast<std::int32_t>(i % classes);
    data.labels.push_back(label);
    for (Index f = 0; f < features; ++f) {
      data.features.push_back(static_cast<float>(
          centres.normal(static_cast<std::uint64_t>(label), static_cast<std::uint64_t>(f)) +
          noise.normal(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(f))));
    }
  }
  return data;
}

/// A small run with everything that could depend on the number of ranks: rewiring, pruning, dropout and a
/// batch size that divides neither the data nor into whole shards.
struct Experiment {
  ExperimentConfig config;
  DataSplit data;

  Experiment() {
    config.network.layers = {20, 40, 36, 5};
    config.network.dropout = 0.2;
    config.network.init = "glorot_normal";
    config.network.activation = "all_relu";
    config.topology.density = 0.3;
    config.neuron_pruning.target = 0.5;
    config.optimizer.learning_rate = 0.05;
    config.training.epochs = 5;
    config.training.batch_size = 270;
    config.training.seed = 4;
    data.train = blobs(930, 20, 5, 1);
    data.test = blobs(203, 20, 5, 2);
    data.name = "blobs";
  }

  [[nodiscard]] Experiment on_grid(int data_groups, int model_parts) const {
    Experiment run = *this;
    run.config.parallel.data = data_groups;
    run.config.parallel.model = model_parts;
    return run;
  }
};

class Silent final : public TrainerHook {
 public:
  void step_done(const TrainingPosition&, std::int64_t) override {}
  void epoch_done(const EpochMetrics&) override {}
};

/// Keeps what is handed over.
class MemorySink final : public RunSink {
 public:
  void record(LayerRecord record) override {
    if (record.layer == 0) records.push_back({record.epoch, {}});
    EXPECT_EQ(records.back().layers.size(), record.layer);
    EXPECT_EQ(records.back().epoch, record.epoch);
    records.back().layers.push_back(std::move(record.history));
  }
  void checkpoint(ModelSnapshot snapshot) override { snapshots.push_back(std::move(snapshot)); }
  bool finish() override { return true; }

  std::vector<TopologyRecord> records;
  std::vector<ModelSnapshot> snapshots;
};

/// Checkpoints in slices, which all ranks write into memory.
class MemoryFiles final : public SliceFiles {
 public:
  SliceFilePlan begin_slices(const SnapshotHead& head) override {
    head_ = head;
    slices_.clear();
    return {"memory", {}};
  }
  void complete_slices(std::uint64_t fingerprint, std::vector<WrittenPiece>) override {
    head_.rest.fingerprint = fingerprint;
    ++completed;
  }
  void abandon_slices(const std::string& problem) override { FAIL() << problem; }

  void write(std::size_t layer, const LayerSnapshot& slice, SlicePlace place, int part) {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(place.first_row > 0 || part == 0 || slice.topology.rows == 0);
    slices_[{layer, part}] = slice;
  }

  /// The last one.
  [[nodiscard]] SliceSource source() const {
    return {head_, [this](std::size_t l, Index begin, Index end) { return slice_of(layer(l), begin, end); },
            [this](std::size_t l) { return layer(l); }};
  }
  [[nodiscard]] std::size_t slices() const { return slices_.size(); }

  int completed = 0;

 private:
  [[nodiscard]] LayerSnapshot layer(std::size_t l) const {
    std::vector<LayerSnapshot> slices;
    for (const auto& [place, slice] : slices_) {
      if (place.first == l) slices.push_back(slice);
    }
    EXPECT_EQ(head_of(joined(slices)), head_.layers.at(l));
    return joined(std::move(slices));
  }

  SnapshotHead head_;
  std::mutex mutex_;
  std::map<std::pair<std::size_t, int>, LayerSnapshot> slices_;  // by layer and part
};

class MemoryWriter final : public SliceWriter {
 public:
  explicit MemoryWriter(MemoryFiles* files) : files_(files) {}
  void open(const SnapshotHead&, const SliceFilePlan&, int part) override { part_ = part; }
  void write(std::size_t layer, const LayerSnapshot& slice, SlicePlace place) override {
    files_->write(layer, slice, place, part_);
  }
  std::vector<WrittenPiece> close() override { return {}; }

 private:
  MemoryFiles* files_;
  int part_ = 0;
};

/// Where checkpoints by layer go and come from.
struct ByLayer {
  MemoryFiles* files;
  std::optional<SliceSource> resume;
  Offset most_copied = 0;  ///< connections
};

/// Trains on `ranks` ranks. @param stop_after  global step after which the last rank asks to stop
ModelSnapshot train(const Experiment& run, int ranks, std::optional<ModelSnapshot> resume = {},
                    std::int64_t stop_after = -1, MemorySink* sink = nullptr,
                    const ByLayer* by_layer = nullptr) {
  std::vector<ModelSnapshot> results(static_cast<std::size_t>(ranks));
  run_ranks(ranks, [&](DistributedContext& ctx) {
    Silent hook;
    MemoryWriter writer(by_layer != nullptr ? by_layer->files : nullptr);
    std::int64_t steps = resume.has_value() ? resume->position.global_step : 0;
    Trainer::Setup setup{run.config,
                         run.data,
                         hook,
                         ctx.rank() == 0 ? sink : nullptr,
                         [&] { return ++steps == stop_after && ctx.rank() == ctx.size() - 1; },
                         "config"};
    if (by_layer != nullptr) {
      setup.slice_files = ctx.rank() == 0 ? by_layer->files : nullptr;
      setup.slice_writer = &writer;
      setup.most_copied_connections = by_layer->most_copied;
      if (by_layer->resume.has_value()) {
        setup.slices = &*by_layer->resume;
        steps = by_layer->resume->head.rest.position.global_step;
      }
    }
    Trainer trainer(ctx, setup, resume);
    const TrainingEnd end = trainer.run();
    EXPECT_EQ(end, stop_after < 0 ? TrainingEnd::finished : TrainingEnd::stopped);
    ModelSnapshot& result = results[static_cast<std::size_t>(ctx.rank())];
    result = trainer.snapshot();
    const SnapshotHead head = trainer.head();
    if (ctx.rank() == 0 && (sink != nullptr || by_layer != nullptr)) {
      EXPECT_EQ(head.rest.fingerprint, result.fingerprint);
    }
    for (std::size_t l = 0; l < result.layers.size(); ++l)
      EXPECT_EQ(head.layers[l], head_of(result.layers[l]));
  });
  for (const auto& result : results) EXPECT_EQ(result.fingerprint, results[0].fingerprint);
  return results[0];
}

/// The layers, without what may differ between runs: times, ranks.
void expect_same_state(const ModelSnapshot& a, const ModelSnapshot& b) {
  EXPECT_EQ(a.fingerprint, b.fingerprint);
  EXPECT_TRUE(a.layers == b.layers);
}

TEST(Trainer, SameBitsOnAnyNumberOfRanksAndThreads) {
  const Experiment run;
  const ModelSnapshot one = train(run, 1);

  for (const int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    for (const int ranks : {1, 2, 3, 4, 5, 8}) {
      SCOPED_TRACE(testing::Message() << ranks << " ranks, " << threads << " threads");
      expect_same_state(train(run, ranks), one);
    }
  }
  omp_set_num_threads(1);
}

TEST(Trainer, SameBitsOnAnyGrid) {
  Experiment run;
  const ModelSnapshot one = train(run, 1);

  // The first of 6 parts has none of the 5 outputs.
  for (const auto& [data, model] :
       {std::pair{1, 2}, {2, 1}, {2, 2}, {1, 3}, {4, 1}, {1, 4}, {2, 3}, {1, 5}, {1, 6}}) {
    SCOPED_TRACE(testing::Message() << data << " x " << model);
    expect_same_state(train(run.on_grid(data, model), data * model), one);
  }
}

TEST(Trainer, SameBitsOnAnyGridAndNumberOfThreadsWithOtherLayers) {
  Experiment full;  // of connections, in sparse layers
  full.config.topology.density.reset();
  full.config.topology.epsilon = 1e3;
  Experiment evolved;  // whose output activation wants to know what it was applied to
  evolved.config.topology.output_layer = "evolved";
  evolved.config.network.output_activation = "sigmoid";
  evolved.config.network.loss = "mse";
  Experiment shrinking;
  shrinking.config.neuron_pruning.budget = "shrink";
  shrinking.config.network.activation = "tanh";

  for (const Experiment& run : {full, evolved, shrinking}) {
    SCOPED_TRACE(run.config.network.activation + ", " + run.config.topology.output_layer);
    const ModelSnapshot one = train(run, 1);
    for (const int threads : {1, 3}) {
      omp_set_num_threads(threads);
      expect_same_state(train(run.on_grid(1, 3), 3), one);
      expect_same_state(train(run.on_grid(2, 2), 4), one);
    }
    omp_set_num_threads(1);
  }
}

TEST(Trainer, SameBitsWhereLevelsTravelInPieces) {
  Experiment wide;  // so that the own neurons of a part are cut into pieces
  wide.config.network.layers = {20, 500, 600, 400, 5};
  wide.config.topology.density = 0.03;
  wide.config.training.epochs = 2;
  for (const std::int64_t batch : {270, 60}) {  // several slabs, and one
    wide.config.training.batch_size = batch;
    const ModelSnapshot one = train(wide, 1);
    for (const int threads : {1, 2}) {
      omp_set_num_threads(threads);
      for (const auto& [data, model] : {std::pair{1, 2}, {2, 2}, {1, 3}}) {
        SCOPED_TRACE(testing::Message() << "batches of " << batch << ", " << data << " x " << model << ", "
                                        << threads << " threads");
        expect_same_state(train(wide.on_grid(data, model), data * model), one);
      }
    }
    omp_set_num_threads(1);
  }
}

TEST(Trainer, SameBitsWherePartsReadFewInputs) {
  Experiment wide;
  wide.config.network.layers = {600, 40, 36, 5};
  wide.config.topology.density = 0.01;
  wide.config.training.epochs = 3;
  wide.data.train = blobs(300, 600, 5, 1);
  wide.data.test = blobs(203, 600, 5, 2);
  const ModelSnapshot one = train(wide, 1);
  for (const auto& [data, model] : {std::pair{1, 2}, {2, 2}, {1, 4}}) {
    SCOPED_TRACE(testing::Message() << data << " x " << model);
    expect_same_state(train(wide.on_grid(data, model), data * model), one);
  }
}

TEST(Trainer, PartsLeaveTheSameHistoryAsOneRank) {
  const Experiment run;
  MemorySink one;
  MemorySink parts;
  train(run, 1, {}, -1, &one);
  train(run.on_grid(2, 3), 6, {}, -1, &parts);

  ASSERT_EQ(parts.records.size(), one.records.size());
  for (std::size_t i = 0; i < one.records.size(); ++i) {
    for (std::size_t l = 0; l < one.records[i].layers.size(); ++l) {
      const LayerHistory& a = one.records[i].layers[l];
      const LayerHistory& b = parts.records[i].layers[l];
      SCOPED_TRACE(testing::Message() << "record " << i << ", layer " << l);
      EXPECT_EQ(a.dropped, b.dropped);
      EXPECT_EQ(a.added_rows, b.added_rows);
      EXPECT_EQ(a.added_cols, b.added_cols);
      EXPECT_EQ(a.pruned_rows, b.pruned_rows);
      EXPECT_EQ(a.connections, b.connections);
      EXPECT_EQ(a.pattern_hash, b.pattern_hash);
      EXPECT_TRUE(a.base == b.base);
    }
  }
  for (std::size_t e = 0; e < one.snapshots.back().history.size(); ++e) {
    const EpochMetrics& a = one.snapshots.back().history[e];
    const EpochMetrics& b = parts.snapshots.back().history[e];
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_EQ(a.test_accuracy, b.test_accuracy);
    EXPECT_EQ(a.connections, b.connections);
    EXPECT_EQ(a.alive_neurons, b.alive_neurons);
    EXPECT_EQ(a.dropped, b.dropped);
    EXPECT_EQ(a.grown, b.grown);
    EXPECT_GT(b.bytes_halo, 0);
    EXPECT_GT(b.bytes_weights, 0);
    EXPECT_GE(b.imbalance, 1);
  }
}

TEST(Trainer, StoppedOnOneGridAndResumedOnAnother) {
  const Experiment run;
  const ModelSnapshot undisturbed = train(run, 1);

  std::optional<ModelSnapshot> state = train(run.on_grid(2, 2), 4, {}, 5);
  state = train(run.on_grid(1, 3), 3, state, 9);
  state = train(run.on_grid(4, 1), 4, state, 14);
  const ModelSnapshot end = train(run, 1, state);

  expect_same_state(end, undisturbed);
}

TEST(Trainer, ALargeNetworkIsWrittenLayerByLayerAndReadOnAnyGrid) {
  Experiment sparse;
  sparse.config.topology.output_layer = "fixed";
  Experiment with_dense_layer;
  with_dense_layer.config.topology.output_layer = "dense";
  const std::vector<std::pair<int, int>> all = {{1, 1}, {3, 1}, {1, 3}, {2, 2}};
  const std::vector<std::pair<int, int>> whole = {{1, 1}, {3, 1}};

  for (const Experiment& run : {sparse, with_dense_layer}) {
    const auto& grids = run.config.topology.output_layer == "dense" ? whole : all;
    const ModelSnapshot undisturbed = train(run, 1);
    for (const auto& [data, model] : grids) {
      SCOPED_TRACE(testing::Message() << "written by " << data << " x " << model);
      MemoryFiles files;
      MemorySink sink;
      const ByLayer writing{&files, {}};
      train(run.on_grid(data, model), data * model, {}, 14, &sink, &writing);
      EXPECT_EQ(files.completed, 4);
      EXPECT_EQ(files.slices(), undisturbed.layers.size() * static_cast<std::size_t>(model));
      EXPECT_TRUE(sink.snapshots.empty());

      for (const auto& [data_after, model_after] : grids) {
        SCOPED_TRACE(testing::Message() << "read by " << data_after << " x " << model_after);
        MemoryFiles others;
        const ByLayer reading{&others, files.source()};
        const ModelSnapshot end =
            train(run.on_grid(data_after, model_after), data_after * model_after, {}, -1, nullptr, &reading);
        expect_same_state(end, undisturbed);
        EXPECT_EQ(end.position.restarts, 1);
      }
    }
  }
}

TEST(Trainer, ASmallNetworkIsCopiedForTheSink) {
  const Experiment run;
  MemoryFiles files;
  MemorySink sink;
  const ByLayer writing{&files, {}, 100'000};

  const ModelSnapshot end = train(run, 2, {}, -1, &sink, &writing);

  EXPECT_EQ(files.completed, 0);
  ASSERT_EQ(sink.snapshots.size(), 5U);
  EXPECT_TRUE(sink.snapshots.back().layers == end.layers);
}

TEST(Trainer, ADamagedLayerIsNoticedByAllRanks) {
  const Experiment run;
  MemoryFiles files;
  const ByLayer writing{&files, {}};
  train(run, 1, {}, 5, nullptr, &writing);
  SliceSource damaged = files.source();
  damaged.read_layer = [read = damaged.read_layer](std::size_t l) {
    LayerSnapshot layer = read(l);
    if (l == 1) layer.biases.at(3) += 1;
    return layer;
  };
  const ByLayer reading{&files, damaged};

  const std::string message = message_of<RanksFailed>([&] { train(run, 2, {}, -1, nullptr, &reading); });

  EXPECT_NE(message.find("the file is damaged"), std::string::npos) << message;
}

TEST(Trainer, ANetworkOfManyNeuronsIsEvaluatedInSmallerPieces) {
  Experiment run;  // of which 256 samples would need 270 MB
  run.config.network.layers = {20, 140'000, 5};
  run.config.topology.density = 0.001;
  run.config.training.epochs = 1;
  run.config.training.batch_size = 96;
  run.data.train = blobs(96, 20, 5, 1);
  const ModelSnapshot one = train(run, 1);

  for (const auto& [data, model] : {std::pair{3, 1}, {1, 2}}) {
    const ModelSnapshot end = train(run.on_grid(data, model), data * model);
    EXPECT_EQ(end.history.back().test_loss, one.history.back().test_loss) << data << " x " << model;
    EXPECT_EQ(end.history.back().test_accuracy, one.history.back().test_accuracy);
  }
}

TEST(Trainer, KeepsNoHistoryWhereNoneIsWanted) {
  Experiment run;
  run.config.checkpoint.history = "none";
  for (const auto& [data, model] : {std::pair{2, 1}, {1, 2}}) {
    MemorySink sink;

    const ModelSnapshot end = train(run.on_grid(data, model), data * model, {}, -1, &sink);

    EXPECT_TRUE(sink.records.empty());
    ASSERT_EQ(sink.snapshots.size(), 5U);
    expect_same_state(sink.snapshots.back(), end);
  }
}

TEST(Trainer, TellsTheMemoryOfTheRankThatHasMost) {
  const ModelSnapshot end = train(Experiment(), 2);

  EXPECT_GT(end.history.back().memory, 1 << 20);
  EXPECT_GE(end.history.back().memory_peak, end.history.back().memory);
}

TEST(Trainer, LearnsRewiresAndPrunesHalfOfTheHiddenNeurons) {
  Experiment run;
  run.config.training.epochs = 40;
  MemorySink sink;

  const ModelSnapshot end = train(run, 2, {}, -1, &sink);

  EXPECT_GT(end.history.back().test_accuracy, 0.9);
  EXPECT_NEAR(static_cast<double>(end.history.back().alive_neurons[1]), 20, 1);
  EXPECT_NEAR(static_cast<double>(end.history.back().alive_neurons[2]), 18, 1);
  EXPECT_EQ(end.history.back().alive_neurons[0], 20);
  EXPECT_EQ(end.history.back().alive_neurons[3], 5);
  EXPECT_EQ(sink.records.size(), 40U);  // the first topology and 39 rewirings
  EXPECT_EQ(sink.snapshots.size(), 40U);
}

TEST(Trainer, SetConservesTheConnectionsOfEveryLayer) {
  Experiment run;
  run.config.neuron_pruning.target = 0.0;
  run.config.topology.output_layer = "evolved";

  const ModelSnapshot end = train(run, 1);

  for (const EpochMetrics& epoch : end.history) EXPECT_EQ(epoch.connections, end.history[0].connections);
  EXPECT_GT(end.history[0].grown[0], 0);
  EXPECT_EQ(end.history[0].grown, end.history[0].dropped);
  EXPECT_EQ(end.history.back().grown[0], 0) << "no rewiring after the last epoch";
}

TEST(Trainer, StoppedAndResumedAnywhereEndsWithTheSameState) {
  const Experiment run;
  const ModelSnapshot undisturbed = train(run, 2);
  const std::vector<int> ranks = {3, 1, 5, 2, 4};
  const std::vector<std::int64_t> stops = {1, 4, 7, 11, 18};  // 4 steps an epoch

  std::optional<ModelSnapshot> state;
  for (std::size_t i = 0; i < stops.size(); ++i) state = train(run, ranks[i], state, stops[i]);
  const ModelSnapshot end = train(run, 8, state);

  expect_same_state(end, undisturbed);
  EXPECT_EQ(end.position.restarts, 5);
  EXPECT_EQ(end.history.size(), undisturbed.history.size());
  EXPECT_EQ(end.history.back().loss, undisturbed.history.back().loss);
  EXPECT_EQ(end.history[0].train_accuracy, undisturbed.history[0].train_accuracy);
}

TEST(Trainer, GradientsBeyondTheirUnitAreRepeatedAlikeOnAllRanks) {
  Experiment run;
  for (auto& value : run.data.train.features) value *= 1e12F;
  run.config.network.activation = "linear";
  run.config.optimizer.learning_rate = 1e-12;
  run.config.training.epochs = 2;

  const ModelSnapshot one = train(run, 1);

  EXPECT_LT(one.layers[0].gradient_exponent, 10);
  for (const int ranks : {2, 5}) expect_same_state(train(run, ranks), one);
}

TEST(Trainer, FastModeIsCloseToTheExactOne) {
  Experiment exact;
  Experiment fast;
  fast.config.parallel.exactness = "fast";
  exact.config.training.epochs = fast.config.training.epochs = 1;

  const ModelSnapshot a = train(exact, 2);
  const ModelSnapshot b = train(fast, 2);

  ASSERT_EQ(a.layers[0].values.size(), b.layers[0].values.size());
  for (std::size_t i = 0; i < a.layers[0].values.size(); ++i) {
    EXPECT_NEAR(a.layers[0].values[i], b.layers[0].values[i], 1e-5);
  }
}

TEST(Trainer, DenseLayersTrainAlikeOnAnyNumberOfRanks) {
  Experiment run;
  run.config.topology.density = 1.0;
  const ModelSnapshot one = train(run, 1);

  EXPECT_EQ(one.layers[0].kind, LayerKind::dense);
  EXPECT_EQ(one.history.back().alive_neurons[1], 20);
  for (const int ranks : {2, 5}) expect_same_state(train(run, ranks), one);
}

TEST(Trainer, LossThatIsNotFiniteStopsAllRanksWithAdvice) {
  Experiment run;
  run.config.network.activation = "relu";
  run.config.optimizer.learning_rate = 1e30;

  try {
    train(run, 3);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("not finite"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("optimizer.learning_rate"), std::string::npos) << error.what();
    EXPECT_EQ(error.code(), ExitCode::fault);
  }
}

TEST(ShardShare, CoversAllSamplesOnceInWholeShards) {
  for (const Offset samples : {0, 1, 31, 32, 33, 150, 1024}) {
    for (const int size : {1, 2, 3, 5, 8}) {
      Offset next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const SampleRange range = share_of(samples, rank, size);
        EXPECT_EQ(range.begin, next);
        EXPECT_TRUE(range.begin % shard_samples == 0 || range.size() == 0);
        next = range.end;
      }
      EXPECT_EQ(next, samples) << size << " ranks";
    }
  }
}

}  // namespace
}  // namespace plexus
