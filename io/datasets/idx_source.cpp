#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "io/datasets/data_file.hpp"
#include "src/state/dataset_source.hpp"
#include "src/support/error.hpp"

namespace plexus {

namespace {

constexpr std::uint32_t label_magic = 0x00000801;  // 08: unsigned bytes; 01: one dimension
constexpr std::uint32_t image_magic = 0x00000803;  // three dimensions: images, rows, columns

/// An IDX file of unsigned bytes: a magic number, the sizes as big-endian 32-bit numbers, then the values.
/// Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "File formats".
struct IdxFile {
  std::filesystem::path path;
  std::vector<std::uint32_t> sizes;
  std::string bytes;        ///< header and values
  std::size_t header_size;  ///< position of the first value

  [[nodiscard]] std::uint8_t value(std::size_t i) const {
    return static_cast<std::uint8_t>(bytes[header_size + i]);
  }
};

std::uint32_t big_endian_word(const std::string& bytes, std::size_t position) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word = (word << 8) | static_cast<std::uint8_t>(bytes[position + i]);
  return word;
}

/// Reads an IDX file and checks that its header is the expected one and fits its size.
IdxFile read_idx(const std::filesystem::path& folder, const std::string& name, std::uint32_t magic,
                 const char* what) {
  const auto path = find_data_file(folder, name);
  IdxFile file{path, {}, read_data_file(path), 0};
  const std::size_t dimensions = magic & 0xff;
  file.header_size = 4 + 4 * dimensions;
  require(file.bytes.size() >= 4,
          "data file '{}' is truncated: it has {} bytes, not even a magic number. Copy the "
          "file again.",
          path.string(), file.bytes.size());
  const std::uint32_t found = big_endian_word(file.bytes, 0);
  require(found == magic,
          "data file '{}' begins with magic number 0x{:08x}, expected 0x{:08x} (IDX, unsigned bytes, {}). "
          "Check that "
          "it is the right file in IDX format.",
          path.string(), found, magic, what);
  require(file.bytes.size() >= file.header_size,
          "data file '{}' is truncated: it has {} bytes, its header alone needs {}. Copy the file again.",
          path.string(), file.bytes.size(), file.header_size);
  for (std::size_t d = 0; d < dimensions; ++d) {
    file.sizes.push_back(big_endian_word(file.bytes, 4 + 4 * d));
    require(file.sizes.back() > 0,
            "data file '{}' has size 0 in dimension {}: there is nothing in it to learn from. "
            "Use a file with samples.",
            path.string(), d + 1);
  }
  const std::size_t present = file.bytes.size() - file.header_size;
  std::size_t promised = 1;
  for (const std::size_t size : file.sizes) {
    const bool overflows = promised > std::numeric_limits<std::size_t>::max() / size;
    promised = overflows ? std::numeric_limits<std::size_t>::max() : promised * size;
  }
  require(promised == present,
          "data file '{}' does not fit its header: {} values promised, {} found. It is truncated or damaged; "
          "copy it "
          "again.",
          path.string(), promised, present);
  return file;
}

/// Images and labels of one part, "train" or "t10k".
Dataset read_part(const std::filesystem::path& folder, const std::string& part) {
  const IdxFile images = read_idx(folder, part + "-images-idx3-ubyte", image_magic, "three dimensions");
  const IdxFile labels = read_idx(folder, part + "-labels-idx1-ubyte", label_magic, "one dimension");
  require(images.sizes[0] == labels.sizes[0],
          "data file '{}' holds {} images, but '{}' holds {} labels. Use files that belong together.",
          images.path.string(), images.sizes[0], labels.path.string(), labels.sizes[0]);
  const std::uint64_t pixels = std::uint64_t{images.sizes[1]} * images.sizes[2];
  require(pixels <= std::numeric_limits<Index>::max(),
          "data file '{}' has images of {} x {} pixels, more than the {} that one sample may have. Use "
          "smaller images.",
          images.path.string(), images.sizes[1], images.sizes[2], std::numeric_limits<Index>::max());

  Dataset data;
  data.features_per_sample = static_cast<Index>(pixels);
  data.features.resize(images.sizes[0] * pixels);
  for (std::size_t i = 0; i < data.features.size(); ++i) data.features[i] = images.value(i);
  data.labels.resize(labels.sizes[0]);
  for (std::size_t i = 0; i < data.labels.size(); ++i) data.labels[i] = labels.value(i);
  return data;
}

class IdxSource final : public DatasetSource {
 public:
  [[nodiscard]] DataSplit load(const DataConfig& config) const override {
    const std::filesystem::path folder(config.path);
    return {read_part(folder, "train"), read_part(folder, "t10k"), "", 0};
  }
};

const DatasetRegistrar registrar{
    "idx", "MNIST family: a folder with {train,t10k}-images-idx3-ubyte and -labels-idx1-ubyte, plain or .gz",
    [] { return std::make_unique<IdxSource>(); }};

}  // namespace

}  // namespace plexus
