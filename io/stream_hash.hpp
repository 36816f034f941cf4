#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "io/file_progress.hpp"
#include "src/support/error.hpp"

namespace plexus {

/// XXH3 hash (64 bits) of bytes that come piece by piece, from a file or on their way to one.
class StreamHash {
 public:
  StreamHash() : state_(XXH3_createState(), XXH3_freeState) {
    ensure(state_ != nullptr && XXH3_64bits_reset(state_.get()) == XXH_OK, "no memory for a hash");
  }
  void add(const void* bytes, std::size_t size) {
    XXH3_64bits_update(state_.get(), bytes, size);
    count_file_piece();
  }
  [[nodiscard]] std::uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

}  // namespace plexus
