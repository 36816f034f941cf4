#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "src/init/weight_init.hpp"
#include "src/rewire/layer_edit.hpp"
#include "src/rewire/layer_view.hpp"
#include "src/rewire/rewire_method.hpp"
#include "src/support/layer_parts.hpp"

namespace plexus {

/// What becomes of the connections that pruned neurons leave free.
enum class Budget {
  fixed,   ///< they grow elsewhere in the same layer
  shrink,  ///< they are gone
};

/// The budget that config key neuron_pruning.budget names. @throws InputError for any other name.
[[nodiscard]] Budget budget_named(const std::string& name);

/// Whether connections grow inside blocks of neurons: config keys topology.locality and topology.blocks.
struct Locality {
  double share = 0;   ///< of the grown connections; 0 = blocks do not matter
  Offset blocks = 1;  ///< of a layer: see LayerBlocks
};

/// How the edits of one epoch are made.
struct Evolution {
  const RewireMethod& method;
  const WeightInit& init;  ///< of grown connections
  double drop_fraction = 0;
  Budget budget = Budget::fixed;
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;  ///< part of the key of every random number
  bool rewires = true;      ///< false in an epoch that only prunes: the last one
  Locality locality = {};
};

/// The edit of layer `layer` (0 = first weight matrix), which is `view`, at the end of an epoch. A pure
/// function that looks at this layer and `removed` only, so layers can be edited one after the other, or be
/// shared out among ranks or threads.
///
/// Where parts hold the layer between them, each gets the edit of its slice: rows and positions are those of
/// the slice, columns those of the layer, and together the edits are the one that one part alone makes. No
/// part sends or holds more than its share of them. Collective over `parts`.
///
/// 1. Connections of removed neurons are dropped.
/// 2. A layer that evolves drops connections by the rule of the method, among those that are left,
/// 3. and grows until it has as many as before. Where neurons took connections with them, Budget::shrink
/// grows only
///    what the rule dropped; Budget::fixed stops at 80 % of the cells that are left, or where the layer
///    already was.
///
/// Dense layers only lose rows and columns. Time O(connections + rows + cols + grown log(grown)) with SET's
/// rules.
[[nodiscard]] LayerEdit edit_layer(const LayerView& view, std::size_t layer, const RemovedNeurons& removed,
                                   const Evolution& evolution, LayerParts& parts = one_part());

/// The edits of all layers. Collective over `parts`.
[[nodiscard]] EditList evolve(std::span<const LayerView> layers, const RemovedNeurons& removed,
                              const Evolution& evolution, LayerParts& parts = one_part());

}  // namespace plexus
