#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "mpi/distributed_context.hpp"
#include "src/parts/parts.hpp"

namespace plexus {

/// The ranks of a context as the parts of a network that they hold between them: rank p holds part p. Calls
/// are collective over the context, which must outlive this.
class RankParts final : public Parts {
 public:
  explicit RankParts(DistributedContext& ctx) : ctx_(ctx) {}

  [[nodiscard]] int count() const override { return ctx_.size(); }
  [[nodiscard]] int own() const override { return ctx_.rank(); }
  void sum(std::span<std::int64_t> values) override;
  void maximum(std::span<std::int64_t> values) override;
  [[nodiscard]] std::vector<std::vector<Offset>> exchange(std::vector<std::vector<Offset>> to_parts) override;
  [[nodiscard]] std::vector<std::vector<std::byte>> exchange_bytes(
      std::vector<std::vector<std::byte>> messages) override;
  [[nodiscard]] std::unique_ptr<PeerMessages> messages() override;

  /// Independent. Bytes that this part has sent by the calls above since the last call.
  [[nodiscard]] std::int64_t take_bytes_sent() { return std::exchange(bytes_sent_, 0); }

 private:
  DistributedContext& ctx_;
  std::int64_t bytes_sent_ = 0;
};

}  // namespace plexus
