#include "src/state/layer_slices.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "src/nn/first_layers.hpp"

namespace plexus {
namespace {

LayerSnapshot layer_of(double density) {
  ExperimentConfig config;
  config.network.layers = {13, 9};
  config.topology.density = density;
  config.topology.output_layer = "evolved";
  LayerSnapshot layer = std::move(first_layers(config).front());
  for (std::size_t i = 0; i < layer.values.size(); ++i) layer.value_states.at(0)[i] = static_cast<Real>(i);
  for (std::size_t i = 0; i < layer.biases.size(); ++i) layer.biases[i] = static_cast<Real>(i) + 0.5F;
  return layer;
}

TEST(LayerSlices, JoinedAreTheLayer) {
  for (const double density : {0.3, 0.9}) {
    const LayerSnapshot layer = layer_of(density);
    for (const std::vector<Index>& cuts : {std::vector<Index>{0, 9}, {0, 4, 9}, {0, 0, 3, 3, 8, 9, 9}}) {
      std::vector<LayerSnapshot> slices;
      for (std::size_t p = 0; p + 1 < cuts.size(); ++p)
        slices.push_back(slice_of(layer, cuts[p], cuts[p + 1]));
      EXPECT_TRUE(joined(slices) == layer) << cuts.size() - 1 << " slices, density " << density;
    }
  }
}

TEST(LayerSlices, OfANewNetworkAreMadeAlone) {
  for (const double density : {0.3, 0.9}) {
    ExperimentConfig config;
    config.network.layers = {13, 9, 7};
    config.topology.density = density;
    const std::vector<LayerSnapshot> whole = first_layers(config);
    const std::vector<RowRange> rows = {{4, 8}, {0, 5}};

    const std::vector<LayerSnapshot> slices = first_slices(config, rows);

    for (std::size_t l = 0; l < whole.size(); ++l)
      EXPECT_TRUE(slices[l] == slice_of(whole[l], rows[l].begin, rows[l].end)) << "layer " << l;
  }
}

}  // namespace
}  // namespace plexus
