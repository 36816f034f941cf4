#pragma once

#include <cstdint>

#include "src/support/registry.hpp"

namespace plexus {

/// Sums of |w| over the connections of one neuron, in units of 2^-40, at most 2^63 - 1. Integers, so that
/// they do not depend on the order of summation.
struct NeuronStrength {
  std::int64_t in = 0;   ///< connections that feed the neuron
  std::int64_t out = 0;  ///< connections that it feeds
};

/// Wide enough for the product of two strengths.
__extension__ using Importance = unsigned __int128;

/// How much a neuron matters; the least important neurons are pruned first.
class NeuronCriterion {
 public:
  virtual ~NeuronCriterion() = default;
  [[nodiscard]] virtual Importance importance(NeuronStrength strength) const = 0;
};

using NeuronCriterionRegistry =
    Registry<NeuronCriterion>;  ///< what config key neuron_pruning.criterion can name
using NeuronCriterionRegistrar = Registrar<NeuronCriterion>;

}  // namespace plexus
