#include <algorithm>
#include <cmath>
#include <vector>

#include "src/nn/loss.hpp"

namespace plexus {
namespace {

/// -log softmax(outputs)[label]; the outputs are logits.
class CrossEntropy final : public Loss {
 public:
  double evaluate(const Real* outputs, Index classes, std::int32_t label, Real* delta) const override {
    const double largest = *std::max_element(outputs, outputs + classes);
    thread_local std::vector<double> exponentials;
    exponentials.resize(static_cast<std::size_t>(classes));
    double sum = 0;
    for (Index c = 0; c < classes; ++c) {
      const double exponential = std::exp(outputs[c] - largest);
      exponentials[static_cast<std::size_t>(c)] = exponential;
      sum += exponential;
    }
    if (delta != nullptr) {
      for (Index c = 0; c < classes; ++c) {
        const double probability = exponentials[static_cast<std::size_t>(c)] / sum;
        delta[c] = static_cast<Real>(probability - (c == label ? 1.0 : 0.0));
      }
    }
    return std::log(sum) - (outputs[label] - largest);
  }
};

const LossRegistrar registrar("cross_entropy", "softmax and negative log likelihood; takes linear outputs",
                              [] { return std::make_unique<CrossEntropy>(); });

}  // namespace
}  // namespace plexus
