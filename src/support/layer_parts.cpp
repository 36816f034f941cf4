#include "src/support/layer_parts.hpp"

#include <algorithm>
#include <cstddef>

namespace plexus {

namespace {

class OnePart final : public LayerParts {
 public:
  [[nodiscard]] int count() const override { return 1; }
  [[nodiscard]] int own() const override { return 0; }
  void sum(std::span<std::int64_t>) override {}
  void maximum(std::span<std::int64_t>) override {}
  [[nodiscard]] std::vector<std::vector<Offset>> exchange(
      std::vector<std::vector<Offset>> to_parts) override {
    return to_parts;
  }
};

}  // namespace

LayerParts& one_part() {
  static OnePart part;
  return part;
}

std::vector<Offset> part_begins(LayerParts& parts, Offset own_items) {
  std::vector<Offset> begins(static_cast<std::size_t>(parts.count()) + 1, 0);
  std::fill(begins.begin() + parts.own() + 1, begins.end(), own_items);
  parts.sum(begins);
  return begins;
}

std::size_t part_of(Offset item, const std::vector<Offset>& begins) {
  return static_cast<std::size_t>(std::upper_bound(begins.begin() + 1, begins.end() - 1, item) -
                                  begins.begin() - 1);
}

std::vector<std::vector<Offset>> gathered(LayerParts& parts, const std::vector<Offset>& own) {
  return parts.exchange(std::vector<std::vector<Offset>>(static_cast<std::size_t>(parts.count()), own));
}

}  // namespace plexus
