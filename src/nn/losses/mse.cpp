#include "src/nn/loss.hpp"

namespace plexus {
namespace {

/// Half the squared distance between the outputs and the one-hot label.
class MeanSquaredError final : public Loss {
 public:
  double evaluate(const Real* outputs, Index classes, std::int32_t label, Real* delta) const override {
    double sum = 0;
    for (Index c = 0; c < classes; ++c) {
      const double difference = outputs[c] - (c == label ? 1.0 : 0.0);
      sum += difference * difference;
      if (delta != nullptr) delta[c] = static_cast<Real>(difference);
    }
    return 0.5 * sum;
  }
};

const LossRegistrar registrar("mse", "half the squared distance to the one-hot label",
                              [] { return std::make_unique<MeanSquaredError>(); });

}  // namespace
}  // namespace plexus
