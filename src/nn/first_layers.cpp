#include "src/nn/first_layers.hpp"

#include <numeric>

#include "src/init/erdos_renyi.hpp"
#include "src/init/weight_init.hpp"
#include "src/optim/optimizer.hpp"
#include "src/rewire/rewire_method.hpp"

namespace plexus {

namespace {

/// Exact sums: the first step's gradients are resolved to 2^-30; then each layer's scale follows its
/// gradients.
constexpr int first_gradient_exponent = 30;

std::vector<NeuronId> first_ids(Offset count) {
  std::vector<NeuronId> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), NeuronId{0});
  return ids;
}

}  // namespace

std::vector<LayerPlan> plan_layers(const ExperimentConfig& config) {
  const auto method = RewireMethodRegistry::instance().make(config.topology.method, "topology.method");
  const auto& sizes = config.network.layers;
  std::vector<LayerPlan> plans;
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    const bool last = l + 2 == sizes.size();
    LayerPlan plan;
    plan.cols = sizes[l];
    plan.rows = sizes[l + 1];
    plan.activation = last ? config.network.output_activation : config.network.activation;
    const bool dense_output = last && config.topology.output_layer == "dense";
    if (dense_output || config.topology.density == 1.0) {
      plan.kind = LayerKind::dense;
      plan.density = 1.0;
    } else if (config.topology.density.has_value()) {
      plan.density = *config.topology.density;
    } else {
      plan.density = erdos_renyi_density(*config.topology.epsilon, plan.cols, plan.rows);
      plan.capped = *config.topology.epsilon > full_epsilon(plan.cols, plan.rows);
    }
    plan.evolves = plan.kind == LayerKind::sparse && method->rewires() &&
                   !(last && config.topology.output_layer == "fixed");
    plans.push_back(plan);
  }
  return plans;
}

std::vector<LayerSnapshot> first_layers(const ExperimentConfig& config) {
  const auto init = WeightInitRegistry::instance().make(config.network.init, "network.init");
  const auto optimizer =
      OptimizerRegistry::instance().make(config.optimizer.name, "optimizer.name", config.optimizer);
  std::vector<LayerSnapshot> layers;
  for (const LayerPlan& plan : plan_layers(config)) {
    const std::size_t l = layers.size();
    const auto rows = static_cast<Index>(plan.rows);
    const auto cols = static_cast<Index>(plan.cols);
    const RandomStream weights(config.training.seed, Purpose::weight, 0, l);
    LayerSnapshot layer;
    layer.kind = plan.kind;
    layer.activation = plan.activation;
    if (plan.kind == LayerKind::sparse) {
      layer.topology =
          erdos_renyi(rows, cols, plan.density, RandomStream(config.training.seed, Purpose::topology, 0, l));
      layer.values = first_values(*init, weights, layer.topology);
    } else {
      layer.topology.rows = rows;
      layer.topology.cols = cols;
      layer.values = first_dense_values(*init, weights, rows, cols);
    }
    layer.biases.assign(static_cast<std::size_t>(rows), Real{0});
    layer.value_states.assign(optimizer->states(), std::vector<Real>(layer.values.size(), Real{0}));
    layer.bias_states.assign(optimizer->states(), std::vector<Real>(layer.biases.size(), Real{0}));
    layer.row_ids = first_ids(plan.rows);
    layer.col_ids = first_ids(plan.cols);
    layer.original_rows = plan.rows;
    layer.original_cols = plan.cols;
    layer.gradient_exponent = first_gradient_exponent;
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace plexus
