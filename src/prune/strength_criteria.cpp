#include <memory>

#include "src/prune/neuron_criterion.hpp"

namespace plexus {
namespace {

using Formula = Importance (*)(Importance in, Importance out);

class StrengthCriterion final : public NeuronCriterion {
 public:
  explicit StrengthCriterion(Formula formula) : formula_(formula) {}
  Importance importance(NeuronStrength strength) const override {
    return formula_(static_cast<Importance>(strength.in), static_cast<Importance>(strength.out));
  }

 private:
  Formula formula_;
};

NeuronCriterionRegistry::Factory criterion(Formula formula) {
  return [formula] { return std::make_unique<StrengthCriterion>(formula); };
}

const NeuronCriterionRegistrar in_only{"in", "sum of |w| of the connections that feed the neuron",
                                       criterion([](Importance in, Importance) { return in; })};
const NeuronCriterionRegistrar out_only{"out", "sum of |w| of the connections that the neuron feeds",
                                        criterion([](Importance, Importance out) { return out; })};
const NeuronCriterionRegistrar sum{"in+out", "sum of |w| of all connections of the neuron",
                                   criterion([](Importance in, Importance out) { return in + out; })};
const NeuronCriterionRegistrar product{"in*out", "product of the sums of |w| of both sides",
                                       criterion([](Importance in, Importance out) { return in * out; })};

}  // namespace
}  // namespace plexus
