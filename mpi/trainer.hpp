#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mpi/distributed_context.hpp"
#include "mpi/global_rewire.hpp"
#include "mpi/gradient_exchange.hpp"
#include "mpi/grid.hpp"
#include "mpi/starting_network.hpp"
#include "src/config/experiment_config.hpp"
#include "src/nn/first_layers.hpp"
#include "src/nn/network.hpp"
#include "src/optim/optimizer.hpp"
#include "src/prune/neuron_pruner.hpp"
#include "src/rewire/evolve.hpp"
#include "src/state/dataset.hpp"
#include "src/state/model_snapshot.hpp"
#include "src/state/run_sink.hpp"
#include "src/state/slice_files.hpp"
#include "src/state/snapshot_head.hpp"

namespace plexus {

/// Called at fixed points of the training, on every rank. Logging, progress and metrics files are hooks.
class TrainerHook {
 public:
  virtual ~TrainerHook() = default;
  /// After a step; `position` counts it. The sums are those of all ranks.
  virtual void step_done(const TrainingPosition& position, std::int64_t steps_per_epoch) = 0;
  /// After an epoch's rewiring and checkpoint.
  virtual void epoch_done(const EpochMetrics& metrics) = 0;
};

/// How a training ended.
enum class TrainingEnd {
  finished,  ///< all epochs are done
  stopped,   ///< a stop was asked for; a checkpoint was handed to the sink
};

/// Independent. @throws InputError if `config` names an activation, loss, rule, ... that does not exist.
void check_names(const ExperimentConfig& config);

/// Independent. @throws InputError if model parts cannot hold the network of `config`
void check_grid(const ExperimentConfig& config, GridShape grid);

/// Trains one network on the samples of all ranks: batches, exchange, evaluation, rewiring, pruning and
/// checkpoints. Every rank holds the whole network, or, in a grid with several model parts, one part of it.
/// The state of the network is the same at every step for any grid and any number of threads when
/// `parallel.exactness` is "exact".
class Trainer {
 public:
  struct Setup {
    const ExperimentConfig& config;
    const DataSplit& data;
    TrainerHook& hook;
    RunSink* sink = nullptr;               ///< on rank 0; elsewhere unused
    std::function<bool()> stop_requested;  ///< whether this rank was asked to stop
    std::string config_text;               ///< goes into checkpoints
    // Where checkpoints are written layer by layer, by model parts each their own rows; without them the sink
    // gets whole networks.
    SliceFiles* slice_files = nullptr;    ///< on rank 0
    SliceWriter* slice_writer = nullptr;  ///< on every rank
    const SliceSource* slices = nullptr;  ///< to continue from, on every rank
    /// A whole network with more connections is not copied for the sink, which writes it while training goes
    /// on, but written layer by layer while training waits.
    Offset most_copied_connections = plexus::most_copied_connections;
  };

  /// Collective. Starts anew, or continues from `resume`, which all ranks pass alike.
  /// @throws InputError if `config` names something that does not exist
  Trainer(DistributedContext& ctx, Setup setup, std::optional<ModelSnapshot> resume);

  /// Collective. Trains until the end or until any rank is asked to stop.
  TrainingEnd run();

  /// The state as it is now, with its fingerprint. Collective where the network has several parts.
  [[nodiscard]] ModelSnapshot snapshot();

  /// The same without the arrays of the layers, and with the fingerprint of the last checkpoint that this
  /// rank has written, handed over or continued from. Collective where the network has several parts.
  [[nodiscard]] SnapshotHead head();

 private:
  /// Samples in the whole batch of a step.
  [[nodiscard]] Offset batch_samples(std::int64_t step) const;
  /// Gathers this rank's samples of a step of the current epoch, unless that is done already.
  void prepare(std::int64_t step);
  /// @throws RanksFailed if there are losses that are not finite
  void check_losses(std::int64_t not_finite) const;
  /// One step. @return whether any rank was asked to stop.
  bool step();
  /// What travels between parts after a step has arrived: layers may be looked at.
  void settle();
  void finish_epoch();
  LossSum evaluate(const Dataset& data);
  /// @return dropped and grown connections per layer in `metrics`
  void rewire(EpochMetrics& metrics);
  /// Collective. Neurons to remove; all slices are open afterwards.
  [[nodiscard]] RemovedNeurons pruned_neurons(std::int64_t epoch);
  /// The parts that hold the network, of which there may be one.
  [[nodiscard]] LayerParts& layer_parts();
  /// Of parts, collective: gets layers ready for rewiring.
  void open_slices(LayerRange layers);
  /// Changes layer l, whose history goes to the sink.
  void apply_to_whole(std::size_t l, LayerEdit edit, std::int64_t epoch);
  /// The same for the slices of all parts; collective. @param cuts  after the rewiring
  void apply_to_slices(std::size_t l, LayerEdit edit, const RemovedNeurons& removed, const LevelCuts& cuts,
                       std::int64_t epoch);
  /// Connections of each layer, of all parts together. Collective where there are several.
  [[nodiscard]] std::vector<Offset> connections();
  [[nodiscard]] bool keeps_history() const { return config_.checkpoint.history != "none"; }
  void record(std::size_t l, std::int64_t epoch, LayerHistory history);
  /// Collective. What parts have sent each other in the epoch, and how their work differs; neurons move where
  /// it differs much.
  void add_parts(EpochMetrics& metrics);
  void record_first_topology();
  void checkpoint();
  void write_checkpoint();
  /// Whether checkpoints are written layer by layer: the same on all ranks.
  [[nodiscard]] bool writes_by_layer();
  void write_by_layer();
  [[nodiscard]] ModelSnapshot snapshot_without_layers() const;
  /// This part's rows of layer l, with columns as in the whole layer.
  [[nodiscard]] LayerSnapshot own_rows(std::size_t l);
  /// Layer l as a checkpoint has it, from all parts.
  [[nodiscard]] LayerSnapshot whole_layer(std::size_t l);
  /// Ids of all rows of layer l, from all parts.
  [[nodiscard]] std::vector<NeuronId> all_ids(std::size_t l);
  /// @param with_values  otherwise there are none
  [[nodiscard]] std::vector<LayerView> views(LayerRange layers, bool with_values);
  [[nodiscard]] LayerView pattern_of(std::size_t l) const {
    return network_.layer(l).view_of_pattern(plans_[l].evolves);
  }

  DistributedContext& ctx_;
  Setup setup_;
  const ExperimentConfig& config_;
  Grid grid_;
  std::vector<LayerPlan> plans_;
  Network network_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<RewireMethod> method_;
  std::unique_ptr<WeightInit> init_;
  NeuronPruner pruner_;
  std::unique_ptr<GradientExchange> exchange_;
  std::unique_ptr<SumQueue<std::int64_t>> loss_sums_;  ///< null for a rank that trains alone
  TrainingPosition position_;
  std::vector<EpochMetrics> history_;
  std::uint64_t last_fingerprint_ = 0;  ///< of the last checkpoint
  std::int64_t steps_per_epoch_;
  double rate_ = 0;                       ///< of the last step
  Batch batch_;                           ///< of the step at work
  Batch next_batch_;                      ///< gathered while the sums of the step before travel
  std::optional<std::int64_t> prepared_;  ///< the global step that `next_batch_` is for
  Offset evaluation_samples_;             ///< that this rank evaluates at a time
  Batch evaluation_batch_;
  std::vector<std::int64_t> sample_ids_;
};

}  // namespace plexus
