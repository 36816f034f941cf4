#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mpi/distributed_context.hpp"
#include "src/support/layer_parts.hpp"

namespace plexus {

/// The ranks of a context as the parts of a network that they hold between them: rank p holds part p. Calls
/// are collective over the context, which must outlive this.
class RankParts final : public LayerParts {
 public:
  explicit RankParts(DistributedContext& ctx) : ctx_(ctx) {}

  [[nodiscard]] int count() const override { return ctx_.size(); }
  [[nodiscard]] int own() const override { return ctx_.rank(); }
  void sum(std::span<std::int64_t> values) override;
  void maximum(std::span<std::int64_t> values) override;
  [[nodiscard]] std::vector<std::vector<Offset>> exchange(std::vector<std::vector<Offset>> to_parts) override;

 private:
  DistributedContext& ctx_;
};

}  // namespace plexus
