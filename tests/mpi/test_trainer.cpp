#include "mpi/trainer.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <optional>
#include <vector>

#include "mpi/shard_share.hpp"
#include "src/support/random_stream.hpp"
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
};

class Silent final : public TrainerHook {
 public:
  void step_done(const TrainingPosition&, std::int64_t) override {}
  void epoch_done(const EpochMetrics&) override {}
};

/// Keeps what is handed over.
class MemorySink final : public RunSink {
 public:
  void record(const TopologyRecord& record) override { records.push_back(record); }
  void checkpoint(const ModelSnapshot& snapshot) override { snapshots.push_back(snapshot); }
  bool finish() override { return true; }

  std::vector<TopologyRecord> records;
  std::vector<ModelSnapshot> snapshots;
};

/// Trains on `ranks` ranks. @param stop_after  global step after which the last rank asks to stop
ModelSnapshot train(const Experiment& run, int ranks, std::optional<ModelSnapshot> resume = {},
                    std::int64_t stop_after = -1, MemorySink* sink = nullptr) {
  std::vector<ModelSnapshot> results(static_cast<std::size_t>(ranks));
  run_ranks(ranks, [&](DistributedContext& ctx) {
    Silent hook;
    std::int64_t steps = resume.has_value() ? resume->position.global_step : 0;
    Trainer trainer(ctx,
                    {run.config, run.data, hook, ctx.rank() == 0 ? sink : nullptr,
                     [&] { return ++steps == stop_after && ctx.rank() == ctx.size() - 1; }, "config"},
                    resume);
    const TrainingEnd end = trainer.run();
    EXPECT_EQ(end, stop_after < 0 ? TrainingEnd::finished : TrainingEnd::stopped);
    results[static_cast<std::size_t>(ctx.rank())] = trainer.snapshot();
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
