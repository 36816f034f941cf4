#include "src/parts/background_maximum.hpp"

#include <algorithm>
#include <cstddef>

namespace plexus {

BackgroundMaximum::BackgroundMaximum(Parts& parts)
    : own_(parts.own()), of_parts_(static_cast<std::size_t>(parts.count())), messages_(parts.messages()) {}

void BackgroundMaximum::start(std::span<const std::int64_t> values) {
  messages_->wait();
  sent_.assign(values.begin(), values.end());
  const auto parts = static_cast<int>(of_parts_.size());
  for (int p = 0; p < parts; ++p) {
    auto& of_part = of_parts_[static_cast<std::size_t>(p)];
    of_part.assign(values.begin(), values.end());
    if (p != own_) messages_->receive(p, std::as_writable_bytes(std::span(of_part)));
  }
  for (int p = 0; p < parts; ++p) {
    if (p != own_) messages_->send(p, std::as_bytes(std::span(sent_)));
  }
}

std::span<const std::int64_t> BackgroundMaximum::finish() {
  messages_->wait_received();
  auto& greatest = of_parts_[static_cast<std::size_t>(own_)];
  for (const auto& of_part : of_parts_)
    std::ranges::transform(of_part, greatest, greatest.begin(), std::ranges::max);
  return greatest;
}

}  // namespace plexus
