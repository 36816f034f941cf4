// How long does an epoch take, everything included, and how near to the peak is that?
#include <fmt/format.h>
#include <omp.h>

#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "mpi/trainer.hpp"
#include "src/support/error.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/parts.hpp"
#include "tests/bench/random_data.hpp"

namespace plexus::bench {

namespace {

constexpr Index features = 784;
constexpr Index classes = 10;

struct EpochCase {
  std::string network;
  Offset hidden;
  std::string exactness;
  int threads;
};

ExperimentConfig config_of(const EpochCase& c, int epochs) {
  ExperimentConfig config;
  config.network.layers = {features, c.hidden, c.hidden, c.hidden, classes};
  config.topology.epsilon = 20;
  config.topology.output_layer = "evolved";
  config.training.batch_size = 128;
  config.training.epochs = epochs;
  config.parallel.exactness = c.exactness;
  config.parallel.threads = c.threads;
  return config;
}

/// A training that can be run epoch by epoch: a stop is asked for in the last step of each, and with no sink
/// for checkpoints a stop costs nothing.
class Course final : public TrainerHook {
 public:
  Course(DistributedContext& ctx, const DataSplit& data, ExperimentConfig config)
      : config_(std::move(config)),
        trainer_(ctx, {config_, data, *this, nullptr, [this] { return last_step_; }, ""}, std::nullopt) {}

  /// Collective. Training and rewiring of one epoch.
  void run_epoch() {
    ensure(trainer_.run() == TrainingEnd::stopped, "the benchmark's training ended before its time");
    rewire_seconds_.push_back(metrics_.seconds_rewire);
  }

  void step_done(const TrainingPosition& position, std::int64_t steps_per_epoch) override {
    last_step_ = position.step + 1 == steps_per_epoch;
  }
  void epoch_done(const EpochMetrics& metrics) override { metrics_ = metrics; }

  /// Useful operations of an epoch: forward and weight gradient of all layers, input gradient of all but the
  /// first.
  [[nodiscard]] double flops(Offset samples) const {
    const auto& connections = metrics_.connections;
    const Offset all = std::accumulate(connections.begin(), connections.end(), Offset{0});
    return 2.0 * static_cast<double>(samples) * static_cast<double>(3 * all - connections.front());
  }
  [[nodiscard]] const std::vector<double>& rewire_seconds() const { return rewire_seconds_; }

 private:
  ExperimentConfig config_;
  bool last_step_ = false;
  EpochMetrics metrics_;
  std::vector<double> rewire_seconds_;
  Trainer trainer_;
};

std::string name_of(const std::string& network, const std::string& exactness, int ranks, int threads) {
  return fmt::format("{}, {}, {} x {}", network, exactness, counted(ranks, "rank"),
                     counted(threads, "thread"));
}

/// Trains one network in all ways by turns: exact and fast, with each number of threads.
void add_network(const Bench& bench, Json& rows, const std::string& network, Offset hidden,
                 const DataSplit& data) {
  const int ranks = bench.ctx.size();
  std::vector<EpochCase> cases;
  for (const int threads : ranks == 1 ? thread_counts() : std::vector{1}) {
    for (const char* exactness : {"exact", "fast"}) cases.push_back({network, hidden, exactness, threads});
  }
  constexpr int not_counted = 2;  // the one that warms up, and the last of a training, which does not rewire
  std::vector<std::unique_ptr<Course>> courses;
  std::vector<Work> works;
  for (const EpochCase& c : cases) {
    omp_set_num_threads(c.threads);
    courses.push_back(
        std::make_unique<Course>(bench.ctx, data, config_of(c, bench.repetitions + not_counted)));
    works.push_back(timed([course = courses.back().get()] { course->run_epoch(); }, c.threads));
  }
  const auto timings = measure(bench, works);

  for (std::size_t i = 0; i < cases.size(); ++i) {
    const double flops = courses[i]->flops(data.train.samples());
    std::vector<double> rewire_shares;
    for (std::size_t r = 0; r < timings[i].seconds.size(); ++r) {
      rewire_shares.push_back(courses[i]->rewire_seconds()[r + 1] / timings[i].seconds[r]);
    }
    const std::size_t fast = cases[i].exactness == "exact" ? i + 1 : i;
    Json& row = rows[name_of(network, cases[i].exactness, ranks, cases[i].threads)];
    row = {{"network", network},
           {"exactness", cases[i].exactness},
           {"ranks", ranks},
           {"threads", cases[i].threads},
           {"samples", data.train.samples()},
           {"seconds", timings[i].nanoseconds_per(1e9)},
           {"useful_gflop", flops * 1e-9},
           {"epoch_share", timings[i].share(flops)},
           {"rewire_share", figure(rewire_shares)},
           {"over_fast", ratio(timings[i], timings[fast])}};
    row.update(timings[i].conditions());
  }
}

}  // namespace

Json epoch(const Bench& bench) {
  const Offset samples = bench.quick ? 6'400 : 60'000;
  const DataSplit data{random_data(samples, features, classes, 0), random_data(128, features, classes, 1),
                       "random", 0};
  Json rows;
  add_network(bench, rows, "784-1000-1000-1000-10", 1000, data);
  if (!bench.quick) {
    add_network(bench, rows, "784-3000-3000-3000-10", 3000, data);
  }
  return rows;
}

void add_speed_ups(Json& epoch_rows) {
  for (auto& row : epoch_rows) {
    const auto alone = name_of(row["network"], row["exactness"], 1, 1);
    if (!epoch_rows.contains(alone)) continue;
    const double seconds = epoch_rows[alone]["seconds"]["median"];
    const auto& own = row["seconds"];
    row["speed_up"] = {{"median", seconds / own["median"].get<double>()},
                       {"min", seconds / own["max"].get<double>()},
                       {"max", seconds / own["min"].get<double>()},
                       {"repetitions", own["repetitions"]}};
  }
}

}  // namespace plexus::bench
