#pragma once

#include <memory>
#include <optional>

#include "mpi/distributed_context.hpp"
#include "mpi/rank_parts.hpp"
#include "src/config/experiment_config.hpp"
#include "src/parts/grid_shape.hpp"

namespace plexus {

/// Independent. Whether `config` leaves it open which grid the ranks make: the number of parts is "auto", and
/// that of groups does not tell it.
[[nodiscard]] bool grid_is_open(const ParallelConfig& config);

/// Independent. @param config  leaves no choice
/// @throws InputError if `config` does not fit the number of ranks
[[nodiscard]] GridShape grid_shape(const ParallelConfig& config, int ranks);

/// The ranks in a grid: rank r holds part r % model of the network of group r / model, so that ranks which
/// exchange activations are neighbours.
class Grid {
 public:
  /// Collective, also where it is destroyed.
  Grid(DistributedContext& ctx, GridShape shape);
  ~Grid();

  [[nodiscard]] GridShape shape() const { return shape_; }
  /// The ranks that hold the same part as this one, in the order of their groups.
  [[nodiscard]] DistributedContext& replicas() { return replicas_ != nullptr ? *replicas_ : ctx_; }
  /// The parts of this rank's group; null where every rank holds the whole network.
  [[nodiscard]] RankParts* parts() { return parts_.get(); }
  /// The ranks of this rank's group: itself alone where every rank holds the whole network.
  [[nodiscard]] DistributedContext& group() { return group_ != nullptr ? *group_ : ctx_; }
  [[nodiscard]] int part() const { return ctx_.rank() % shape_.model; }

 private:
  DistributedContext& ctx_;
  GridShape shape_;
  std::unique_ptr<DistributedContext> replicas_;
  std::unique_ptr<DistributedContext> group_;
  std::unique_ptr<RankParts> parts_;
};

}  // namespace plexus
