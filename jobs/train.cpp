#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint_file.hpp"
#include "io/checkpoint_slices.hpp"
#include "io/config_text.hpp"
#include "io/datasets/load_data.hpp"
#include "io/metrics_log.hpp"
#include "io/run_directory.hpp"
#include "io/run_writer.hpp"
#include "io/summary.hpp"
#include "jobs/command.hpp"
#include "jobs/dry_run.hpp"
#include "jobs/grid_choice.hpp"
#include "jobs/progress.hpp"
#include "jobs/rank_threads.hpp"
#include "jobs/tune_kernels.hpp"
#include "jobs/version.hpp"
#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/grid.hpp"
#include "mpi/model_snapshot_serialization.hpp"
#include "mpi/rank_report.hpp"
#include "mpi/shard_share.hpp"
#include "mpi/slice_serialization.hpp"
#include "mpi/stop_request.hpp"
#include "mpi/trainer.hpp"
#include "mpi/watchdog.hpp"
#include "src/config/keys.hpp"
#include "src/plan/grid_cost.hpp"
#include "src/support/parallel.hpp"
#include "src/support/process_memory.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

namespace fs = std::filesystem;

/// Data are read without a sign of life on the way: the watchdog then waits so many times as long as later.
constexpr double patience_with_data = 10;

struct TrainOptions {
  std::string config_file;
  std::vector<std::string> overrides;
  std::string out;
  std::string resume = "auto";
  bool dry_run = false;
  bool print_config = false;
};

/// Speaks for the whole job: rank 0 only.
class Speaker {
 public:
  explicit Speaker(const DistributedContext& ctx) : silent_(ctx.rank() != 0) {}
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    if (silent_) return;
    fmt::print(format, std::forward<Args>(args)...);
    fmt::print("\n");
    std::fflush(stdout);
  }
  /// Something that did not end the run.
  void warn(const std::string& message) const {
    if (!silent_) fmt::print(stderr, "plexus: warning: {}\n", message);
  }

 private:
  bool silent_;
};

/// Rank 0 reads the config; all ranks use its text.
ExperimentConfig agree_on_config(DistributedContext& ctx, const TrainOptions& options) {
  std::string text;
  on_all_ranks(ctx, [&] {
    if (ctx.rank() == 0) text = to_toml(read_config(options.config_file, options.overrides));
  });
  broadcast_message(ctx, text, 0);
  return parse_config(text, options.config_file);
}

/// Reads the data on every rank and checks that they fit the config and are the same everywhere.
DataSplit agree_on_data(DistributedContext& ctx, const ExperimentConfig& config) {
  DataSplit data = on_all_ranks(ctx, [&] {
    DataSplit loaded = load_data(config.data, config.training.seed);
    const auto& layers = config.network.layers;
    require(layers.front() == loaded.train.features_per_sample,
            "network.layers begins with {} inputs, but the samples of '{}' have {} features. Set the first "
            "number of "
            "network.layers to {}.",
            layers.front(), config.data.path, loaded.train.features_per_sample,
            loaded.train.features_per_sample);
    require(layers.back() >= loaded.train.classes,
            "network.layers ends with {} outputs, but '{}' has {} classes. Set the last number of "
            "network.layers to {}.",
            layers.back(), config.data.path, loaded.train.classes, loaded.train.classes);
    return loaded;
  });
  const auto identities = gather_all(ctx, std::pair(data.identity, std::string(kernels().arithmetic)));
  for (std::size_t rank = 1; rank < identities.size(); ++rank) {
    if (identities[rank].first != identities[0].first) {
      throw RanksFailed(ExitCode::input,
                        fmt::format("rank {} reads other data from '{}' than rank 0. Copy the same "
                                    "files to all machines.",
                                    rank, config.data.path));
    }
    if (identities[rank].second != identities[0].second) {
      throw RanksFailed(
          ExitCode::input,
          fmt::format("rank {} computes with {} instructions, rank 0 with {}: the machines differ. Set "
                      "PLEXUS_ISA=baseline on all of them.",
                      rank, identities[rank].second, identities[0].second));
    }
  }
  return data;
}

void check_that_all_groups_have_samples(GridShape grid, const ExperimentConfig& config,
                                        const DataSplit& data) {
  const Offset batch = std::min(config.training.batch_size, data.train.samples());
  const Offset shards = shards_of(batch);
  if (shards >= grid.data) return;
  const std::string groups = grid.model == 1 ? "ranks" : "data groups";
  throw RanksFailed(
      ExitCode::input,
      fmt::format(
          "a batch of {} samples is cut into shards of {}, which are too few for {} {}: some would have "
          "zero samples. Use no more {} than {}, or set training.batch_size to {} or more.",
          batch, shard_samples, grid.data, groups, groups, shards, (grid.data - 1) * shard_samples + 1));
}

fs::path output_directory(const TrainOptions& options, const ExperimentConfig& config) {
  if (!options.out.empty()) return options.out;
  return fs::path("runs") /
         fmt::format("{}-seed{}", fs::path(options.config_file).stem().string(), config.training.seed);
}

/// The keys in which a stored config differs from this run's and that change the result.
std::vector<std::string> differing_keys(const std::string& stored, const ExperimentConfig& config) {
  return differing_result_keys(parse_config(stored, "the config stored in the run"), config);
}

void check_that_snapshot_fits(const ModelSnapshot& snapshot, const ExperimentConfig& config,
                              const DataSplit& data, const std::string& source) {
  const auto differing = differing_keys(snapshot.config_text, config);
  require(differing.empty(), "{} belongs to another experiment ({}). Use its config, or another --resume.",
          source, fmt::join(differing, "; "));
  require(
      snapshot.data_identity == data.identity,
      "{} was trained on other data than '{}' holds now. Restore the data, or start anew with another --out.",
      source, data.name);
}

/// What rank 0 holds of the run's directory. Order matters: the directory stays locked until all is written.
struct Output {
  std::optional<RunDirectory> directory;
  std::optional<RunWriter> writer;
  std::optional<MetricsLog> log;
};

/// What to continue from: all but the layers, and the file that all ranks read these from.
struct Found {
  SnapshotHead head;
  std::string file;
};

template <class Archive>
void serialize(Archive& archive, Found& found, unsigned) {
  archive& found.head& found.file;
}

/// @return the checkpoint that the options ask for, if there is one
std::optional<Found> find_state(const TrainOptions& options, const RunFiles& files, const Warn& warn) {
  if (options.resume == "never") return std::nullopt;
  auto found = options.resume == "auto" ? find_newest(files, warn) : find_checkpoint(options.resume, warn);
  if (!found.has_value()) return std::nullopt;
  return Found{std::move(found->head), found->path.string()};
}

/// Rank 0 opens the directory and finds the state to continue from. @return on rank 0, nothing elsewhere
std::optional<Found> open_output(Output& output, const TrainOptions& options, const fs::path& path,
                                 const ExperimentConfig& config, const std::string& config_text,
                                 const DataSplit& data, const Speaker& speaker) {
  const Warn warn = [&speaker](const std::string& message) { speaker.warn(message); };
  const auto compare = [&](const std::string& stored) { return differing_keys(stored, config); };
  const Resume mode = options.resume == "never" ? Resume::never : Resume::automatic;
  output.directory.emplace(RunDirectory::open(path, {config_text, data.name, data.identity}, mode, compare));
  std::optional<Found> found = find_state(options, output.directory->files(), warn);
  const ModelSnapshot* snapshot = found.has_value() ? &found->head.rest : nullptr;
  if (snapshot != nullptr) {
    check_that_snapshot_fits(*snapshot, config, data,
                             options.resume == "auto" ? path.string() : options.resume);
    if (snapshot->instruction_set != kernels().arithmetic) {
      warn(fmt::format(
          "the checkpoint was computed with {} instructions, this machine uses {}: the run goes on, but its "
          "last bits will differ from an undisturbed one",
          snapshot->instruction_set, kernels().arithmetic));
    }
  }
  output.directory->create(code_version());
  output.log.emplace(output.directory->files().metrics_log(), warn);
  output.log->rewrite(snapshot != nullptr ? snapshot->history : std::vector<EpochMetrics>{});
  RunWriter::Waiting waiting;
  waiting.alive = [] { activity::at("waiting for the disk"); };
  output.writer.emplace(output.directory->files(), config.checkpoint.keep, code_version(), warn, waiting);
  return found;
}

/// Where every rank reads what it holds of the layers.
SliceSource source_of(Found found) {
  const fs::path file = std::move(found.file);
  return {std::move(found.head),
          [file](std::size_t layer, Index begin, Index end) {
            return read_checkpoint_slice(file, layer, begin, end);
          },
          [file](std::size_t layer) { return read_checkpoint_layer(file, layer); }};
}

class ReportingHook final : public TrainerHook {
 public:
  ReportingHook(Progress progress, MetricsLog* log) : progress_(progress), log_(log) {}
  void step_done(const TrainingPosition& position, std::int64_t steps_per_epoch) override {
    progress_.step_done(position, steps_per_epoch);
  }
  void epoch_done(const EpochMetrics& metrics) override {
    progress_.epoch_done(metrics);
    if (log_ != nullptr) log_->append(metrics);
  }

 private:
  Progress progress_;
  MetricsLog* log_;
};

void say_result(const Speaker& speaker, const RunSummary& summary, const fs::path& path) {
  speaker.say("");
  speaker.say("test accuracy      {:.4f} (best {:.4f})", summary.test_accuracy, summary.best_test_accuracy);
  speaker.say("connections        {}", with_separators(summary.connections));
  std::string alive;
  for (const Offset neurons : summary.alive_neurons)
    alive += (alive.empty() ? "" : " - ") + with_separators(neurons);
  speaker.say("neurons alive      {}  ({:.1f} % of the hidden ones pruned)", alive,
              100.0 * summary.pruned_share);
  speaker.say("seconds per epoch  {:.2f} training, {:.3f} rewiring (median)", summary.seconds_per_epoch,
              summary.seconds_rewire);
  speaker.say("peak memory        {} per rank", as_bytes(summary.peak_memory_bytes));
  speaker.say("fingerprint        {}", summary.fingerprint);
  speaker.say("files              {}: run.h5, metrics.jsonl, summary.json, ckpt/, topo/", path.string());
}

/// Collective. Whether the run has its summary already; if so, repeats it.
bool already_summarised(DistributedContext& ctx, const Output& output, const Speaker& speaker,
                        const fs::path& path) {
  bool summarised = false;
  on_all_ranks(ctx, [&] {
    if (ctx.rank() != 0 || !fs::exists(output.directory->files().summary())) return;
    speaker.say("the run in {} is finished already", path.string());
    say_result(speaker, read_summary(output.directory->files().summary()), path);
    summarised = true;
  });
  broadcast_message(ctx, summarised, 0);
  return summarised;
}

/// The grid that the config names, before anything large is read; nothing where it leaves the choice.
std::optional<GridShape> named_grid(DistributedContext& ctx, const ExperimentConfig& config) {
  if (grid_is_open(config.parallel)) return std::nullopt;
  return on_all_ranks(ctx, [&] {
    const GridShape shape = grid_shape(config.parallel, ctx.size());
    check_grid(config, shape);
    return shape;
  });
}

/// Collective. `grid`, or the one that the cost model chooses; says why.
GridShape agree_on_grid(DistributedContext& ctx, std::optional<GridShape> grid,
                        const ExperimentConfig& config, const DataSplit& data, int threads,
                        const Speaker& speaker) {
  if (grid.has_value()) return *grid;
  const GridChoice choice = choose_grid(ctx, config, data.train.samples(), threads);
  speaker.say("grid     {}, chosen: {}", name_of(choice.grid), choice.reason);
  if (!choice.warning.empty()) speaker.warn(choice.warning);
  return choice.grid;
}

void say_start(const Speaker& speaker, DistributedContext& ctx, GridShape grid,
               const ExperimentConfig& config, const DataSplit& data, int threads, const FoundTuning& tuning,
               const fs::path& path) {
  const auto places = gather_places(ctx, threads);
  const std::string shape =
      grid.model == 1 ? "" : fmt::format(" ({} data groups x {} model parts)", grid.data, grid.model);
  speaker.say("plexus {}  {} ranks{} x {} threads, {} kernels, {} sums", code_version(), ctx.size(), shape,
              threads, kernels().name, config.parallel.exactness);
  speaker.say("{}", places_table(places));
  for (const std::string& warning : placement_warnings(places)) speaker.warn(warning);
  speaker.say("tuning   {} of slabs together, {} near, tiles from {} a row, dense from {:.0f} % density ({})",
              as_bytes(tuning.tuning.cached_bytes), as_bytes(tuning.tuning.near_bytes),
              tuning.tuning.tile_run, 100 * tuning.tuning.dense_density, tuning.origin);
  if (config.parallel.exactness == "fast") {
    speaker.warn("parallel.exactness is fast: results depend on the number of ranks in their last bits");
  }
  speaker.say("data     {}: {} training, {} test samples", data.name, with_separators(data.train.samples()),
              with_separators(data.test.samples()));
  speaker.say("output   {}", path.string());
  speaker.say("{}", layer_table(config));
}

ExitCode train(DistributedContext& ctx, const TrainOptions& options) {
  const Speaker speaker(ctx);
  ExperimentConfig config = agree_on_config(ctx, options);
  const std::string config_text = to_toml(config);
  if (options.print_config) {
    speaker.say("{}", commented_toml(config));
    return ExitCode::ok;
  }
  const std::optional<GridShape> named = named_grid(ctx, config);
  const StopRequest stop;  // a request that comes while data are loaded stops the first step
  const int threads = rank_threads(ctx, config);
  omp_set_num_threads(threads);
  const fs::path path = output_directory(options, config);
  Watchdog::Options watched{ctx.rank(), ctx.size(), config.parallel.watchdog_seconds, path, {}};
  watched.seconds *= patience_with_data;
  std::optional<Watchdog> watchdog(std::in_place, watched);
  activity::at("reading the data");
  const DataSplit data = agree_on_data(ctx, config);
  const GridShape grid = agree_on_grid(ctx, named, config, data, threads, speaker);
  config.parallel.data = grid.data;
  config.parallel.model = grid.model;
  check_that_all_groups_have_samples(grid, config, data);
  if (options.dry_run) {
    speaker.say("{}", dry_run_report(config, data, grid));
    return ExitCode::ok;
  }

  watched.seconds = config.parallel.watchdog_seconds;
  watchdog.emplace(watched);
  activity::at("opening the run");
  Output output;
  std::vector<Found> found;  // one or none
  on_all_ranks(ctx, [&] {
    check_names(config);  // before anything is written
    if (ctx.rank() != 0) return;
    auto state = open_output(output, options, path, config, config_text, data, speaker);
    if (state.has_value()) found.push_back(std::move(*state));
  });
  broadcast_message(ctx, found, 0);
  std::optional<SliceSource> resume;
  if (!found.empty()) resume = source_of(std::move(found.front()));
  const TrainingPosition start = resume.has_value() ? resume->head.rest.position : TrainingPosition{};

  if (resume.has_value() && start.epoch == config.training.epochs &&
      already_summarised(ctx, output, speaker, path)) {
    return ExitCode::ok;
  }
  activity::at("tuning the kernels");
  const FoundTuning tuning = tune_kernels(ctx);
  say_start(speaker, ctx, grid, config, data, threads, tuning, path);
  if (resume.has_value()) speaker.say("resumed  after epoch {}, step {}\n", start.epoch, start.step);
  RunWriter* sink = output.writer.has_value() ? &*output.writer : nullptr;
  ReportingHook hook(
      Progress(stdout, ctx.rank() == 0 ? config.log.progress : "off", config.training.epochs, start.epoch),
      output.log.has_value() ? &*output.log : nullptr);
  SliceFileWriter slice_writer;
  Trainer::Setup setup{config, data, hook, sink, [&] { return stop.requested(); }, config_text};
  setup.slice_files = sink;
  setup.slice_writer = &slice_writer;
  setup.slices = resume.has_value() ? &*resume : nullptr;
  Trainer trainer(ctx, setup, std::nullopt);
  const TrainingEnd end = trainer.run();

  activity::at("last checkpoint");
  const bool written = sink == nullptr || sink->finish();
  on_all_ranks(ctx, [&] {
    ensure(written,
           "the last checkpoint could not be written to '{}' (see the warning above). Make room and run the "
           "same command again.",
           path.string());
  });
  if (end == TrainingEnd::stopped) {
    speaker.say("stopped on request ({}) with a checkpoint; run the same command again to continue",
                *stop.which() == '\0' ? "another rank's signal" : stop.which());
    return ExitCode::again;
  }
  const std::int64_t memory = largest(ctx, process_memory().peak);
  const SnapshotHead last = trainer.head();
  on_all_ranks(ctx, [&] {
    if (ctx.rank() != 0) return;
    RunSummary summary = summary_of(last);
    summary.ranks = ctx.size();
    summary.threads = threads;
    summary.peak_memory_bytes = memory;
    summary.exactness = config.parallel.exactness;
    write_summary(output.directory->files().summary(), summary);
    say_result(speaker, summary, path);
  });
  return ExitCode::ok;
}

}  // namespace

void add_train_command(CLI::App& app, Action& action, DistributedContext* ctx) {
  auto* command = app.add_subcommand("train", "Train a sparse network: mpirun -n 4 plexus train CONFIG.toml");
  auto options = std::make_shared<TrainOptions>();
  command->add_option("CONFIG", options->config_file, "config file (TOML); see jobs/configs")->required();
  command->add_option("--set", options->overrides, "section.key=value instead of the file's; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--out", options->out, "directory of the run (default: runs/<config name>-seed<seed>)");
  command
      ->add_option(
          "--resume", options->resume,
          "auto: continue the run in --out if there is one; never: refuse; or a checkpoint to start from")
      ->capture_default_str();
  command->add_flag("--dry-run", options->dry_run, "say what each rank would hold and exchange, and stop");
  command->add_flag("--print-config", options->print_config,
                    "print the resolved config with a line of help per key");
  command->footer(
      "Exit codes: 0 done, 64 wrong config or input, 70 failure, 75 checkpointed on request: run again.");
  command->callback([&action, options, ctx] { action = [options, ctx] { return train(*ctx, *options); }; });
}

}  // namespace plexus
