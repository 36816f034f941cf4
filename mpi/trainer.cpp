#include "mpi/trainer.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/global_rewire.hpp"
#include "mpi/joined_history.hpp"
#include "mpi/migration.hpp"
#include "mpi/model_snapshot_serialization.hpp"
#include "mpi/shard_share.hpp"
#include "mpi/sliced_checkpoint.hpp"
#include "mpi/starting_network.hpp"
#include "mpi/stopwatch.hpp"
#include "mpi/watchdog.hpp"
#include "src/rewire/layer_history.hpp"
#include "src/state/layer_slices.hpp"
#include "src/support/keyed_permutation.hpp"
#include "src/support/process_memory.hpp"

namespace plexus {

namespace {

/// Epochs between two whole patterns in the topology history, so that any epoch is rebuilt from few edits.
constexpr std::int64_t base_interval = 50;

/// Layers that ranks share out when they rewire have at most so many connections between them: their edits
/// take some tens of megabytes.
constexpr Offset most_edited_together = Offset{1} << 22;

/// Samples that one rank evaluates at a time, as long as their activations take no more memory than this.
constexpr Offset evaluation_batch = 256;
constexpr double most_evaluation_bytes = 256 << 20;

/// Memory for the sums of losses, of which one is under way at a time.
constexpr std::size_t loss_sums_bytes = 4096;

Budget budget_of(const ExperimentConfig& config) { return budget_named(config.neuron_pruning.budget); }

/// Where neurons are cut when some are gone; nowhere where they were not.
LevelCuts cuts_after(LevelCuts cuts, const RemovedNeurons& removed) {
  if (cuts.empty()) return cuts;
  for (std::size_t h = 0; h < removed.size(); ++h) {
    for (Index& cut : cuts[h + 1]) {
      cut -= static_cast<Index>(std::ranges::lower_bound(removed[h], cut) - removed[h].begin());
    }
  }
  return cuts;
}

/// What grows in columns that are numbered by their places among `held`.
LayerEdit numbered_as_held(LayerEdit edit, const std::vector<Index>& held) {
  for (GrownConnection& grown : edit.grown)
    grown.col = static_cast<Index>(std::ranges::lower_bound(held, grown.col) - held.begin());
  return edit;
}

/// How many samples a rank evaluates at a time: no more than it trains on where many would take much memory.
/// All parts of a network come to the same number, and no result depends on it.
Offset evaluation_samples(const ExperimentConfig& config, Grid& grid, Offset training_samples) {
  double values = 0;  // of a sample: what each neuron computes, and its activation
  for (const Offset neurons : config.network.layers) values += 2.0 * static_cast<double>(neurons);
  const double bytes = values * sizeof(Real) * evaluation_batch / grid.shape().model;
  if (bytes <= most_evaluation_bytes) return evaluation_batch;
  const Offset batch = std::min(config.training.batch_size, training_samples);
  const SampleRange share = share_of(batch, grid.replicas().rank(), grid.replicas().size());
  return std::clamp<Offset>(share.size(), 1, evaluation_batch);
}

}  // namespace

void check_grid(const ExperimentConfig& config, GridShape grid) {
  if (grid.model == 1) return;
  const std::vector<LayerPlan> plans = plan_layers(config);
  for (std::size_t l = 0; l < plans.size(); ++l) {
    require(plans[l].kind == LayerKind::sparse,
            "layer {} is dense, and model parts share out sparse layers only. Set parallel.model to 1, or "
            "topology.density below 1 and topology.output_layer to \"fixed\" or \"evolved\".",
            l + 1);
  }
}

void check_names(const ExperimentConfig& config) {
  const auto checked = [](const auto& registry, const std::string& name, const std::string& key,
                          const auto&... args) { static_cast<void>(registry.make(name, key, args...)); };
  checked(ActivationRegistry::instance(), config.network.activation, "network.activation",
          ActivationOptions{});
  checked(ActivationRegistry::instance(), config.network.output_activation, "network.output_activation",
          ActivationOptions{});
  checked(LossRegistry::instance(), config.network.loss, "network.loss");
  checked(WeightInitRegistry::instance(), config.network.init, "network.init");
  checked(RewireMethodRegistry::instance(), config.topology.method, "topology.method");
  checked(NeuronCriterionRegistry::instance(), config.neuron_pruning.criterion, "neuron_pruning.criterion");
  checked(OptimizerRegistry::instance(), config.optimizer.name, "optimizer.name", config.optimizer);
}

Trainer::Trainer(DistributedContext& ctx, Setup setup, std::optional<ModelSnapshot> resume)
    : ctx_(ctx),
      setup_(std::move(setup)),
      config_(setup_.config),
      grid_(ctx, grid_shape(config_.parallel, ctx.size())),
      plans_(plan_layers(config_)),
      network_(starting_network(ctx, config_, grid_, resume, setup_.slices)),
      optimizer_(
          OptimizerRegistry::instance().make(config_.optimizer.name, "optimizer.name", config_.optimizer)),
      method_(RewireMethodRegistry::instance().make(config_.topology.method, "topology.method")),
      init_(WeightInitRegistry::instance().make(config_.network.init, "network.init")),
      pruner_(config_.neuron_pruning, config_.training.epochs,
              static_cast<Index>(config_.network.layers.back())),
      exchange_(make_gradient_exchange(config_.parallel.exactness, grid_.replicas())),
      loss_sums_(ctx.size() > 1 ? ctx.integer_sums(loss_sums_bytes) : nullptr),
      steps_per_epoch_((setup_.data.train.samples() + config_.training.batch_size - 1) /
                       config_.training.batch_size),
      evaluation_samples_(evaluation_samples(config_, grid_, setup_.data.train.samples())) {
  const bool exact = config_.parallel.exactness == "exact";
  network_.bounds_wanted(exact);
  network_.weight_gradients_wanted(exact && grid_.replicas().size() > 1);
  if (setup_.slices != nullptr) resume = setup_.slices->head.rest;
  if (resume.has_value()) {
    position_ = resume->position;
    last_fingerprint_ = resume->fingerprint;
    position_.restarts += 1;
    history_ = std::move(resume->history);
  } else {
    record_first_topology();
  }
}

Offset Trainer::batch_samples(std::int64_t step) const {
  return std::min(config_.training.batch_size,
                  setup_.data.train.samples() - step * config_.training.batch_size);
}

void Trainer::prepare(std::int64_t step) {
  const std::int64_t global_step = position_.global_step + step - position_.step;
  if (prepared_ == global_step) return;
  const Offset first = step * config_.training.batch_size;
  const SampleRange range = share_of(batch_samples(step), grid_.replicas().rank(), grid_.replicas().size());
  const RandomStream stream(config_.training.seed, Purpose::sample_order,
                            static_cast<std::uint64_t>(position_.epoch));
  const KeyedPermutation order(stream, static_cast<std::uint64_t>(setup_.data.train.samples()));
  sample_ids_.clear();
  for (Offset i = range.begin; i < range.end; ++i) {
    sample_ids_.push_back(static_cast<std::int64_t>(order(static_cast<std::uint64_t>(first + i))));
  }
  network_.gather(next_batch_, setup_.data.train, sample_ids_);
  prepared_ = global_step;
}

void Trainer::check_losses(std::int64_t not_finite) const {
  if (not_finite == 0) return;
  throw RanksFailed(ExitCode::fault,
                    fmt::format("the loss of {} samples is not finite in epoch {}, step {}. Lower "
                                "optimizer.learning_rate, or check the scaling of the data (data.scaling).",
                                not_finite, position_.epoch + 1, position_.step + 1));
}

bool Trainer::step() {
  activity::position(position_.epoch + 1, position_.step + 1);
  activity::at("forward pass");
  prepare(position_.step);
  if (batch_.samples() == 0) batch_ = next_batch_;  // the first step makes room for both
  std::swap(batch_, next_batch_);
  const Offset samples = batch_samples(position_.step);
  network_.forward(batch_, Network::DropoutKey{config_.training.seed, position_.epoch});
  const LossSum own = network_.loss_and_delta(batch_, 1.0 / static_cast<double>(samples));

  const bool asked_to_stop = setup_.stop_requested && setup_.stop_requested();
  // All parts of a network have the same losses.
  const LossSum counted = grid_.part() == 0 ? own : LossSum{};
  std::array<std::int64_t, 4> sums = {counted.loss, counted.correct, counted.not_finite,
                                      asked_to_stop ? 1 : 0};
  if (loss_sums_ != nullptr) {
    std::ranges::copy(sums, loss_sums_->next(sums.size()).begin());
    loss_sums_->start();
  }
  rate_ = learning_rate(config_.optimizer, position_.global_step, steps_per_epoch_, config_.training.epochs);
  const OptimizerStep optimizer_step{*optimizer_, rate_};
  if (loss_sums_ == nullptr) check_losses(sums[2]);
  for (std::size_t l = network_.depth(); l-- > 0;) {
    activity::at("backward pass, layer", static_cast<std::int64_t>(l) + 1);
    exchange_->backward(network_, l, batch_, shards_of(samples), optimizer_step);
    exchange_->poll();
  }
  if (loss_sums_ != nullptr) {
    if (position_.step + 1 < steps_per_epoch_) prepare(position_.step + 1);
    Stopwatch watch;
    loss_sums_->wait();
    position_.seconds_exchange += watch.lap();
    std::array<std::int64_t, 4> scratch{};
    std::copy_n(loss_sums_->values(0, sums.size(), scratch.data()), sums.size(), sums.begin());
    loss_sums_->pop();
    check_losses(sums[2]);
  }
  for (std::size_t l = network_.depth(); l-- > 0;) {
    activity::at("gradient exchange and update, layer", static_cast<std::int64_t>(l) + 1);
    exchange_->finish(network_, l, batch_, optimizer_step);
    exchange_->poll();
    network_.send_weights(l);
  }
  exchange_->end_step(network_);
  position_.loss_sum += sums[0];
  position_.correct += sums[1];
  position_.step += 1;
  position_.global_step += 1;
  return sums[3] > 0;
}

void Trainer::settle() {
  exchange_->settle(network_);
  network_.settle();
}

TrainingEnd Trainer::run() {
  while (position_.epoch < config_.training.epochs) {
    bool stop = false;
    while (position_.step < steps_per_epoch_ && !stop) {
      Stopwatch watch;
      stop = step();
      position_.seconds_exchange += exchange_->take_seconds_waited() + network_.take_seconds_waited();
      position_.seconds_train += watch.lap();
      setup_.hook.step_done(position_, steps_per_epoch_);
    }
    const bool epoch_complete = position_.step == steps_per_epoch_;
    if (epoch_complete) finish_epoch();
    const bool finished = position_.epoch == config_.training.epochs;
    const std::int64_t every = config_.checkpoint.every;
    if (stop || finished || (every > 0 && position_.epoch % every == 0)) checkpoint();
    if (epoch_complete) setup_.hook.epoch_done(history_.back());
    if (stop && !finished) return TrainingEnd::stopped;
  }
  return TrainingEnd::finished;
}

LossSum Trainer::evaluate(const Dataset& data) {
  const SampleRange range = share_of(data.samples(), grid_.replicas().rank(), grid_.replicas().size());
  LossSum sum;
  for (Offset first = range.begin; first < range.end; first += evaluation_samples_) {
    activity::at("evaluation");
    sample_ids_.clear();
    for (Offset i = first; i < std::min(first + evaluation_samples_, range.end); ++i)
      sample_ids_.push_back(i);
    network_.gather(evaluation_batch_, data, sample_ids_);
    network_.forward(evaluation_batch_, std::nullopt);
    sum += network_.loss(evaluation_batch_);
  }
  std::array<std::int64_t, 2> sums = {sum.loss, sum.correct};
  grid_.replicas().sum(sums);
  return {sums[0], sums[1], 0};
}

std::vector<Offset> Trainer::connections() {
  std::vector<Offset> connections;
  for (std::size_t l = 0; l < network_.depth(); ++l) connections.push_back(network_.layer(l).connections());
  if (grid_.parts() != nullptr) grid_.group().sum(connections);
  return connections;
}

std::vector<LayerView> Trainer::views(LayerRange layers, bool with_values) {
  std::vector<LayerView> views;
  for (std::size_t l = layers.begin; l < layers.end; ++l) {
    views.push_back(with_values ? network_.layer(l).view(plans_[l].evolves) : pattern_of(l));
    if (network_.cuts().empty()) continue;
    const std::vector<Index>& cuts = network_.cuts()[l + 1];
    const auto part = static_cast<std::size_t>(grid_.part());
    views.back().first_row = cuts[part];
    views.back().rows_after = cuts.back() - cuts[part + 1];
  }
  return views;
}

void Trainer::finish_epoch() {
  settle();
  const auto samples = static_cast<double>(setup_.data.train.samples());
  const auto test_samples = static_cast<double>(setup_.data.test.samples());
  EpochMetrics metrics;
  metrics.epoch = position_.epoch + 1;
  metrics.loss = static_cast<double>(position_.loss_sum) * loss_unit / samples;
  metrics.train_accuracy = static_cast<double>(position_.correct) / samples;
  metrics.learning_rate = rate_;
  metrics.seconds_train = position_.seconds_train;
  metrics.seconds_exchange = position_.seconds_exchange;
  metrics.restarts = position_.restarts;
  metrics.ranks = ctx_.size();

  Stopwatch watch;
  const LossSum test = evaluate(setup_.data.test);
  metrics.test_accuracy = static_cast<double>(test.correct) / test_samples;
  metrics.test_loss = static_cast<double>(test.loss) * loss_unit / test_samples;
  metrics.seconds_evaluate = watch.lap();
  static_cast<void>(network_.take_seconds_waited());
  network_.release_activations();

  rewire(metrics);
  metrics.seconds_rewire = watch.lap();
  add_parts(metrics);

  metrics.alive_neurons.push_back(network_.layer(0).cols());
  for (std::size_t l = 0; l < network_.depth(); ++l) {
    metrics.alive_neurons.push_back(network_.cuts().empty() ? network_.layer(l).rows()
                                                            : network_.cuts()[l + 1].back());
  }
  metrics.connections = connections();
  const ProcessMemory memory = process_memory();
  std::array<std::int64_t, 2> most = {memory.now, memory.peak};
  ctx_.maximum(most);
  metrics.memory = most[0];
  metrics.memory_peak = most[1];
  history_.push_back(metrics);
  const TrainingPosition done = std::exchange(position_, {});
  position_.epoch = metrics.epoch;
  position_.global_step = done.global_step;
  position_.restarts = done.restarts;
}

void Trainer::rewire(EpochMetrics& metrics) {
  metrics.dropped.assign(network_.depth(), 0);
  metrics.grown.assign(network_.depth(), 0);
  activity::at("rewiring");
  check_replicas(grid_.replicas(), network_);
  const std::int64_t epoch = metrics.epoch;
  if (epoch == config_.training.epochs) return;
  const Evolution evolution{*method_,
                            *init_,
                            config_.topology.drop_fraction,
                            budget_of(config_),
                            config_.training.seed,
                            static_cast<std::uint64_t>(epoch),
                            true,
                            {config_.topology.locality, config_.topology.blocks}};
  if (grid_.parts() != nullptr) static_cast<void>(grid_.parts()->take_bytes_sent());  // those of training
  const RemovedNeurons removed = pruner_.acts_at(epoch) ? pruned_neurons(epoch) : RemovedNeurons{};
  const LevelCuts cuts = cuts_after(network_.cuts(), removed);
  for (const LayerRange layers : edited_together(connections(), most_edited_together)) {
    activity::at("rewiring, layer", static_cast<std::int64_t>(layers.begin) + 1);
    if (!pruner_.acts_at(epoch)) open_slices(layers);
    EditList edits = agree_on_edits(grid_.replicas(), layers.begin, views(layers, true), removed, evolution,
                                    layer_parts());
    for (std::size_t l = layers.begin; l < layers.end; ++l) {
      activity::at("rewiring, change of layer", static_cast<std::int64_t>(l) + 1);
      LayerEdit edit = std::exchange(edits[l - layers.begin], {});
      metrics.dropped[l] = static_cast<Offset>(edit.dropped.size());
      metrics.grown[l] = static_cast<Offset>(edit.grown.size());
      if (grid_.parts() == nullptr) {
        apply_to_whole(l, std::move(edit), epoch);
      } else {
        apply_to_slices(l, std::move(edit), removed, cuts, epoch);
      }
    }
  }
  if (grid_.parts() == nullptr) return;
  network_.reconnect(cuts);
  grid_.group().sum(metrics.dropped);
  grid_.group().sum(metrics.grown);
}

RemovedNeurons Trainer::pruned_neurons(std::int64_t epoch) {
  const LayerRange all{0, network_.depth()};
  open_slices(all);
  const auto weighed = [&](std::size_t l) {
    if (l >= 2) network_.layer(l - 2).release_state();
    return views({l, l + 1}, true).front();
  };
  RemovedNeurons removed = pruner_.removed(views(all, false), weighed, epoch, layer_parts());
  for (std::size_t l = 0; l < network_.depth(); ++l) network_.layer(l).release_state();
  return removed;
}

LayerParts& Trainer::layer_parts() {
  if (grid_.parts() != nullptr) return *grid_.parts();
  return one_part();
}

void Trainer::open_slices(LayerRange layers) {
  if (grid_.parts() == nullptr) return;
  for (std::size_t l = layers.begin; l < layers.end; ++l)
    network_.slice(l).open(l == 0 ? network_.layer(0).col_ids() : all_ids(l - 1));
}

void Trainer::apply_to_whole(std::size_t l, LayerEdit edit, std::int64_t epoch) {
  const std::vector<NeuronId> ids_before = network_.layer(l).row_ids();
  network_.layer(l).apply(edit);
  if (setup_.sink == nullptr || !keeps_history()) return;
  record(l, epoch, history_of(ids_before, std::move(edit), pattern_of(l), epoch % base_interval == 0));
}

void Trainer::apply_to_slices(std::size_t l, LayerEdit edit, const RemovedNeurons& removed,
                              const LevelCuts& cuts, std::int64_t epoch) {
  SlicedLayer& slice = network_.slice(l);
  const std::vector<NeuronId> ids_before = slice.row_ids();
  const Offset connections_before = slice.pattern().connections();
  SliceEdit change{
      std::move(edit), l < removed.size() ? removed[l] : std::vector<Index>(), {cuts[l + 1], cuts[l]}};
  slice.apply_slice(change);
  if (!keeps_history()) return;
  LayerHistory own = history_of(ids_before, numbered_as_held(std::move(change.rows), slice.held_cols()),
                                pattern_of(l), epoch % base_interval == 0);
  if (auto all = joined_history(grid_.group(), std::move(own), connections_before))
    record(l, epoch, std::move(*all));
}

void Trainer::record(std::size_t l, std::int64_t epoch, LayerHistory history) {
  if (setup_.sink != nullptr) setup_.sink->record({epoch, l, network_.depth(), std::move(history)});
}

void Trainer::add_parts(EpochMetrics& metrics) {
  if (grid_.parts() == nullptr) return;
  const NetworkPart::Traffic traffic = network_.take_traffic();
  std::int64_t work = 0;
  for (std::size_t l = 0; l < network_.depth(); ++l) work += network_.slice(l).work();
  std::array<std::int64_t, 4> most = {traffic.halo, traffic.weights, grid_.parts()->take_bytes_sent(), work};
  ctx_.maximum(most);
  std::array<std::int64_t, 1> all = {work};
  ctx_.sum(all);
  metrics.model_parts = grid_.shape().model;
  metrics.bytes_halo = most[0];
  metrics.bytes_weights = most[1];
  metrics.bytes_rewire = most[2];
  metrics.imbalance = static_cast<double>(most[3]) * ctx_.size() / static_cast<double>(all[0]);
  if (metrics.imbalance < most_imbalance) return;
  activity::at("moving neurons to other parts");
  const LevelCuts cuts = balanced_level_cuts(*grid_.parts(), network_);
  if (cuts != network_.cuts()) migrate(grid_.group(), network_, cuts);
}

void Trainer::record_first_topology() {
  if (!keeps_history()) return;
  for (std::size_t l = 0; l < network_.depth(); ++l) {
    if (grid_.parts() == nullptr) {
      if (setup_.sink != nullptr) record(l, 0, first_history_of(pattern_of(l)));
    } else if (auto all = joined_history(grid_.group(), first_history_of(pattern_of(l)), 0)) {
      record(l, 0, std::move(*all));
    }
  }
}

LayerSnapshot Trainer::own_rows(std::size_t l) {
  return network_.slice(l).global_state(l == 0 ? network_.layer(0).col_ids() : all_ids(l - 1));
}

LayerSnapshot Trainer::whole_layer(std::size_t l) {
  if (grid_.parts() == nullptr) {
    Layer& layer = network_.layer(l);
    LayerSnapshot copy = layer.state();
    layer.release_state();
    return copy;
  }
  return joined(gather_all(grid_.group(), own_rows(l)));
}

std::vector<NeuronId> Trainer::all_ids(std::size_t l) {
  std::vector<NeuronId> ids;
  for (const auto& of_part : gathered(*grid_.parts(), network_.layer(l).row_ids()))
    ids.insert(ids.end(), of_part.begin(), of_part.end());
  return ids;
}

ModelSnapshot Trainer::snapshot_without_layers() const {
  ModelSnapshot snapshot;
  snapshot.config_text = setup_.config_text;
  snapshot.data_name = setup_.data.name;
  snapshot.data_identity = setup_.data.identity;
  snapshot.instruction_set = kernels().arithmetic;
  snapshot.position = position_;
  snapshot.history = history_;
  return snapshot;
}

ModelSnapshot Trainer::snapshot() {
  settle();
  ModelSnapshot snapshot = snapshot_without_layers();
  for (std::size_t l = 0; l < network_.depth(); ++l) snapshot.layers.push_back(whole_layer(l));
  snapshot.fingerprint = fingerprint(snapshot);
  return snapshot;
}

SnapshotHead Trainer::head() {
  SnapshotHead head{snapshot_without_layers(), {}};
  head.rest.fingerprint = last_fingerprint_;
  const std::vector<Offset> connections = this->connections();
  for (std::size_t l = 0; l < network_.depth(); ++l) {
    const Layer& layer = network_.layer(l);
    const bool whole = grid_.parts() == nullptr;
    head.layers.push_back({layer.kind(), plans_[l].activation,
                           whole ? layer.rows() : network_.cuts()[l + 1].back(),
                           whole ? layer.cols() : network_.cuts()[l].back(), connections[l],
                           layer.pattern().generation, plans_[l].rows, plans_[l].cols,
                           layer.gradient_exponent(), optimizer_->states(), optimizer_->states()});
  }
  return head;
}

void Trainer::checkpoint() {
  activity::at("checkpoint");
  Stopwatch watch;
  write_checkpoint();
  const double seconds = watch.lap();
  if (position_.step == 0 && !history_.empty()) history_.back().seconds_checkpoint = seconds;
}

void Trainer::write_checkpoint() {
  settle();
  if (writes_by_layer()) {
    if (ctx_.rank() < grid_.shape().model) write_by_layer();  // the first group
    return;
  }
  if (setup_.sink == nullptr && grid_.parts() == nullptr) return;
  ModelSnapshot state = snapshot();
  last_fingerprint_ = state.fingerprint;
  if (setup_.sink != nullptr) setup_.sink->checkpoint(std::move(state));
}

bool Trainer::writes_by_layer() {
  if (setup_.slice_writer == nullptr || grid_.parts() != nullptr) return setup_.slice_writer != nullptr;
  const std::vector<Offset> stored = connections();
  return std::accumulate(stored.begin(), stored.end(), Offset{0}) > setup_.most_copied_connections;
}

void Trainer::write_by_layer() {
  LayerSnapshot slice;
  const auto slice_of = [&](std::size_t l) -> const LayerSnapshot& {
    if (l > 0) network_.layer(l - 1).release_state();
    if (grid_.parts() == nullptr) return network_.layer(l).state();
    slice = {};
    slice = own_rows(l);
    return slice;
  };
  last_fingerprint_ = write_slices(grid_.group(), setup_.slice_files, *setup_.slice_writer, head(), slice_of);
  network_.layer(network_.depth() - 1).release_state();
}

}  // namespace plexus
