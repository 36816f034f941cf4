#include "mpi/grid.hpp"

#include "src/support/error.hpp"

namespace plexus {

bool grid_is_open(const ParallelConfig& config) {
  return !config.model.number && config.data.number.value_or(0) == 0;
}

GridShape grid_shape(const ParallelConfig& config, int ranks) {
  ensure(!grid_is_open(config), "a grid that is still to be chosen");
  const std::int64_t groups = config.data.number.value_or(0);
  if (!config.model.number) {
    require(
        ranks % groups == 0,
        "parallel.data is {}, which does not divide the {} ranks. Start a multiple of {} ranks, or choose "
        "another parallel.data.",
        groups, ranks, groups);
    return {static_cast<int>(groups), static_cast<int>(ranks / groups)};
  }
  const std::int64_t model = *config.model.number;
  require(groups > 0 || ranks % model == 0,
          "parallel.model is {}, which does not divide the {} ranks. Start a multiple of {} ranks, or choose "
          "another "
          "parallel.model.",
          model, ranks, model);
  const std::int64_t data = groups > 0 ? groups : ranks / model;
  require(data * model == ranks,
          "a grid of {} data groups x {} model parts has {} ranks, and there are {}. Start as many, or set "
          "parallel.data to 0 for as many groups as the ranks make.",
          data, model, data * model, ranks);
  return {static_cast<int>(data), static_cast<int>(model)};
}

Grid::Grid(DistributedContext& ctx, GridShape shape) : ctx_(ctx), shape_(shape) {
  ensure(shape.ranks() == ctx.size(), "a grid of {} x {} of {} ranks", shape.data, shape.model, ctx.size());
  if (ctx.size() > 1) group_ = ctx.split(ctx.rank() / shape.model);
  if (shape.model == 1) return;
  replicas_ = ctx.split(part());
  parts_ = std::make_unique<RankParts>(*group_);
}

Grid::~Grid() = default;

}  // namespace plexus
