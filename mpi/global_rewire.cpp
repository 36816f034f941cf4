#include "mpi/global_rewire.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/layer_edit_serialization.hpp"
#include "mpi/number_ranges.hpp"

namespace plexus {

void check_replicas(DistributedContext& ctx, Network& network) {
  if (ctx.size() == 1) return;
  std::vector<std::uint64_t> own;
  for (std::size_t l = 0; l < network.depth(); ++l) {
    own.push_back(fingerprint(network.layer(l).state(), l));
    network.layer(l).release_state();
  }
  const auto all = gather_all(ctx, own);
  const std::vector<int> ranks_of_job = ctx.job_ranks().ranks;
  for (std::size_t l = 0; l < network.depth(); ++l) {
    std::map<std::uint64_t, std::vector<int>> ranks_with;
    for (std::size_t rank = 0; rank < all.size(); ++rank)
      ranks_with[all[rank].at(l)].push_back(ranks_of_job[rank]);
    if (ranks_with.size() == 1) continue;
    const auto majority = std::ranges::max_element(
        ranks_with, [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    std::vector<int> differing;
    for (const auto& [value, ranks] : ranks_with) {
      if (value != majority->first) differing.insert(differing.end(), ranks.begin(), ranks.end());
    }
    std::ranges::sort(differing);
    throw RanksFailed(
        ctx, ExitCode::fault,
        fmt::format("layer {} differs between ranks: rank {} does not hold what the others do. A bit was "
                    "flipped, or the ranks run different programs. Resume from the last checkpoint "
                    "(--resume auto); if it happens again on the same machine, do not use that machine.",
                    l + 1, number_ranges(differing)));
  }
}

EditList agree_on_edits(DistributedContext& ctx, std::size_t first, std::span<const LayerView> layers,
                        const RemovedNeurons& removed, const Evolution& evolution, LayerParts& parts) {
  const auto ranks = static_cast<std::size_t>(ctx.size());
  const auto editor_of = [&](std::size_t i) { return static_cast<int>((first + i) % ranks); };
  EditList edits(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (editor_of(i) == ctx.rank()) edits[i] = edit_layer(layers[i], first + i, removed, evolution, parts);
  }
  if (ranks == 1) return edits;
  for (std::size_t i = 0; i < layers.size(); ++i) broadcast_message(ctx, edits[i], editor_of(i));
  return edits;
}

std::vector<LayerRange> edited_together(std::span<const Offset> connections, Offset most) {
  std::vector<LayerRange> ranges;
  Offset sum = 0;
  for (std::size_t l = 0; l < connections.size(); ++l) {
    sum += connections[l];
    if (ranges.empty() || sum > most) {
      ranges.push_back({l, l});
      sum = connections[l];
    }
    ranges.back().end = l + 1;
  }
  return ranges;
}

}  // namespace plexus
