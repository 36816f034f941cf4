#pragma once

#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "src/support/error.hpp"
#include "tests/support/temp_dir.hpp"

namespace plexus {

/// Bytes of an IDX file.
inline std::string idx_bytes(std::uint32_t magic, const std::vector<std::uint32_t>& sizes,
                             const std::vector<std::uint8_t>& values) {
  std::string bytes;
  const auto append = [&](std::uint32_t word) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>((word >> shift) & 0xff);
  };
  append(magic);
  for (const std::uint32_t size : sizes) append(size);
  for (const std::uint8_t value : values) bytes += static_cast<char>(value);
  return bytes;
}

/// `count` images of `rows` x `cols`.
inline std::string idx_images(std::uint32_t count, std::uint32_t rows, std::uint32_t cols,
                              const std::vector<std::uint8_t>& pixels) {
  return idx_bytes(0x803, {count, rows, cols}, pixels);
}

inline std::string idx_labels(const std::vector<std::uint8_t>& labels) {
  return idx_bytes(0x801, {static_cast<std::uint32_t>(labels.size())}, labels);
}

/// `bytes` packed as a gzip file.
inline std::string gzip_bytes(const std::string& bytes) {
  const TempDir folder;
  const auto file = folder.path() / "packed";
  const gzFile gzip = gzopen(file.c_str(), "wb");
  ensure(gzip != nullptr &&
             gzwrite(gzip, bytes.data(), static_cast<unsigned>(bytes.size())) ==
                 static_cast<int>(bytes.size()) &&
             gzclose(gzip) == Z_OK,
         "cannot pack {} bytes", bytes.size());
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Writes a data set of 3 training and 2 test images of 1 x 2 pixels with labels below 3.
inline void write_small_idx(const TempDir& folder) {
  folder.write("train-images-idx3-ubyte", idx_images(3, 1, 2, {0, 255, 51, 102, 10, 20}));
  folder.write("train-labels-idx1-ubyte", idx_labels({0, 2, 1}));
  folder.write("t10k-images-idx3-ubyte", idx_images(2, 1, 2, {1, 2, 3, 4}));
  folder.write("t10k-labels-idx1-ubyte", idx_labels({1, 0}));
}

}  // namespace plexus
