#include "src/nn/first_layers.hpp"

#include <numeric>

#include "src/init/erdos_renyi.hpp"
#include "src/rewire/rewire_method.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

/// Exact sums: the first step's gradients are resolved to 2^-30; then each layer's scale follows its
/// gradients.
constexpr int first_gradient_exponent = 30;

std::vector<NeuronId> ids_from(NeuronId begin, NeuronId end) {
  std::vector<NeuronId> ids(static_cast<std::size_t>(end - begin));
  std::iota(ids.begin(), ids.end(), begin);
  return ids;
}

LayerSnapshot without_weights(const LayerPlan& plan, RowRange rows) {
  LayerSnapshot layer;
  layer.activation = plan.activation;
  layer.biases.assign(static_cast<std::size_t>(rows.end - rows.begin), Real{0});
  layer.row_ids = ids_from(rows.begin, rows.end);
  layer.col_ids = ids_from(0, plan.cols);
  layer.original_rows = plan.rows;
  layer.original_cols = plan.cols;
  layer.gradient_exponent = first_gradient_exponent;
  return layer;
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

FirstLayers::FirstLayers(const ExperimentConfig& config)
    : seed_(config.training.seed),
      plans_(plan_layers(config)),
      init_(WeightInitRegistry::instance().make(config.network.init, "network.init")),
      optimizer_(
          OptimizerRegistry::instance().make(config.optimizer.name, "optimizer.name", config.optimizer)) {}

LayerSnapshot FirstLayers::whole(std::size_t l) const {
  const LayerPlan& plan = plans_[l];
  const auto rows = static_cast<Index>(plan.rows);
  const auto cols = static_cast<Index>(plan.cols);
  if (plan.kind == LayerKind::sparse) return slice(l, {0, rows});
  LayerSnapshot layer = without_weights(plan, {0, rows});
  layer.kind = LayerKind::dense;
  layer.topology.rows = rows;
  layer.topology.cols = cols;
  layer.values = first_dense_values(*init_, weights(l), rows, cols);
  add_states(layer);
  return layer;
}

LayerSnapshot FirstLayers::slice(std::size_t l, RowRange rows) const {
  const LayerPlan& plan = plans_[l];
  ensure(plan.kind == LayerKind::sparse, "layer {} is dense and has no slices", l + 1);
  LayerSnapshot layer = without_weights(plan, rows);
  layer.topology = erdos_renyi_slice(rows.begin, rows.end - rows.begin, static_cast<Index>(plan.cols),
                                     plan.density, RandomStream(seed_, Purpose::topology, 0, l));
  layer.values =
      first_values_of_slice(*init_, weights(l), layer.topology, rows.begin, {plan.cols, plan.rows});
  add_states(layer);
  return layer;
}

RandomStream FirstLayers::weights(std::size_t l) const { return {seed_, Purpose::weight, 0, l}; }

void FirstLayers::add_states(LayerSnapshot& layer) const {
  for (std::size_t k = 0; k < optimizer_->states(); ++k) {
    layer.value_states.emplace_back(layer.values.size(), Real{0});
    layer.bias_states.emplace_back(layer.biases.size(), Real{0});
  }
}

std::vector<LayerSnapshot> first_layers(const ExperimentConfig& config) {
  const FirstLayers first(config);
  std::vector<LayerSnapshot> layers;
  for (std::size_t l = 0; l < first.count(); ++l) layers.push_back(first.whole(l));
  return layers;
}

std::vector<LayerSnapshot> first_slices(const ExperimentConfig& config, std::span<const RowRange> own_rows) {
  const FirstLayers first(config);
  std::vector<LayerSnapshot> slices;
  for (std::size_t l = 0; l < first.count(); ++l) slices.push_back(first.slice(l, own_rows[l]));
  return slices;
}

}  // namespace plexus
