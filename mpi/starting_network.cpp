#include "mpi/starting_network.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include "mpi/sliced_checkpoint.hpp"
#include "mpi/watchdog.hpp"
#include "src/nn/first_layers.hpp"
#include "src/state/layer_slices.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

/// A new network's neurons are shared out evenly.
LevelCuts even_level_cuts(const ExperimentConfig& config, int parts) {
  LevelCuts cuts;
  for (const Offset neurons : config.network.layers)
    cuts.push_back(even_cuts(static_cast<Index>(neurons), parts));
  return cuts;
}

void at_new_layer(std::size_t l) { activity::at("making layer", static_cast<std::int64_t>(l) + 1); }

/// A network whose layers are read one after the other.
template <class MakeNetwork, class Read>
Network read_network(DistributedContext& ctx, Grid& grid, const SnapshotHead& head, const Read& read,
                     const MakeNetwork& make) {
  SliceReading reading(ctx, grid.group(), head);
  Network network = make([&](std::size_t) { return reading.next(read); });
  reading.check();
  return network;
}

Network starting_part(DistributedContext& ctx, const ExperimentConfig& config, Grid& grid,
                      std::optional<ModelSnapshot>& resume, const SliceSource* source) {
  LevelCuts cuts = even_level_cuts(config, grid.shape().model);
  for (std::size_t l = 0; l + 1 < cuts.size(); ++l) {
    if (resume.has_value()) cuts[l + 1] = even_cuts(resume->layers[l].topology.rows, grid.shape().model);
    if (source != nullptr) cuts[l + 1] = even_cuts(source->head.layers[l].rows, grid.shape().model);
  }
  const auto part = static_cast<std::size_t>(grid.part());
  std::vector<RowRange> rows;
  for (std::size_t l = 0; l + 1 < cuts.size(); ++l)
    rows.push_back({cuts[l + 1][part], cuts[l + 1][part + 1]});
  const auto network_of = [&](LayerSource slices) {
    return Network(config.network, slices, *grid.parts(), std::move(cuts));
  };
  if (source != nullptr) {
    const auto read = [&](std::size_t l) { return source->read_rows(l, rows[l].begin, rows[l].end); };
    return read_network(ctx, grid, source->head, read, network_of);
  }
  if (resume.has_value()) {
    return network_of([&](std::size_t l) {
      const LayerSnapshot layer = std::exchange(resume->layers[l], {});
      return slice_of(layer, rows[l].begin, rows[l].end);
    });
  }
  const FirstLayers first(config);
  return network_of([&](std::size_t l) {
    at_new_layer(l);
    return first.slice(l, rows[l]);
  });
}

}  // namespace

Network starting_network(DistributedContext& ctx, const ExperimentConfig& config, Grid& grid,
                         std::optional<ModelSnapshot>& resume, const SliceSource* source) {
  if (grid.parts() != nullptr) return starting_part(ctx, config, grid, resume, source);
  if (source != nullptr) {
    return read_network(ctx, grid, source->head, source->read_layer, [&](LayerSource layers) {
      return Network(config.network, source->head.layers.size(), layers);
    });
  }
  if (resume.has_value()) return {config.network, std::move(resume->layers)};
  const FirstLayers first(config);
  return {config.network, first.count(), [&](std::size_t l) {
            at_new_layer(l);
            return first.whole(l);
          }};
}

}  // namespace plexus
