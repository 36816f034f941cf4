#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace plexus::hdf5 {

/// Prepares the HDF5 library for the calling thread: no error text on stderr, no file locking. Called by
/// everything that opens a file; call it once on the main thread before another thread uses HDF5, because it
/// may set an environment variable.
void prepare_library();

/// Owns one HDF5 id.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);

  /// Takes over what an HDF5 call returned. @throws Fault "HDF5 cannot DOING: reason" if the call failed.
  Handle(hid_t id, Close closer, std::string_view doing);
  ~Handle();
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;

  [[nodiscard]] hid_t id() const { return id_; }

  /// Closes now. @throws Fault if HDF5 cannot.
  void close(std::string_view doing);

 private:
  hid_t id_;
  Close close_;
};

/// @throws Fault "HDF5 cannot DOING: reason" if `result` is negative.
void check(herr_t result, std::string_view doing);

/// Number types that files hold; little-endian, IEEE 754.
enum class NumberType { int32, int64, uint64, float32, float64 };

[[nodiscard]] constexpr std::size_t bytes_of_number(NumberType type) {
  return type == NumberType::int32 || type == NumberType::float32 ? 4 : 8;
}

template <class T>
concept Number = std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t> ||
    std::is_same_v<T, std::uint64_t> || std::is_same_v<T, float> || std::is_same_v<T, double>;

template <Number T>
constexpr NumberType number_type() {
  if (std::is_same_v<T, std::int32_t>) return NumberType::int32;
  if (std::is_same_v<T, std::int64_t>) return NumberType::int64;
  if (std::is_same_v<T, std::uint64_t>) return NumberType::uint64;
  return std::is_same_v<T, float> ? NumberType::float32 : NumberType::float64;
}

/// What a dataset says about itself, in its attributes `long_name` and `units` ("1" = a plain number).
struct Meaning {
  std::string_view long_name;
  std::string_view units = "1";
};

/// `compressed` = shuffle + deflate, which every HDF5 library reads. For lists of integers; trained weights
/// hardly shrink.
enum class Storage { contiguous, compressed };

/// A matrix, row-major.
template <Number T>
struct Table {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::vector<T> values;
};

/// Where the bytes of a dataset lie in its file.
struct FilePlace {
  std::uint64_t begin = 0;  ///< unknown where there are no bytes
  std::uint64_t bytes = 0;
};

/// A group of a file, the root included. Every dataset written here carries an attribute `xxh3_64`, the XXH3
/// hash of its bytes, which reading compares. All members throw `Fault` naming the object and HDF5's reason.
class Group {
 public:
  explicit Group(Handle handle) : handle_(std::move(handle)) {}

  [[nodiscard]] Group create_group(const std::string& name);
  [[nodiscard]] Group group(const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const;
  /// Whether `name` is a dataset rather than a group.
  [[nodiscard]] bool is_dataset(const std::string& name) const;
  /// A link to the root of another file; `file` is relative to the folder of this one.
  void link_to_file(const std::string& name, const std::string& file);

  template <Number T>
  void set(const std::string& name, T value) {
    set_numbers(name, number_type<T>(), {}, &value);
  }
  template <Number T>
  void set(const std::string& name, const std::vector<T>& values) {
    set_numbers(name, number_type<T>(), {values.size()}, values.data());
  }
  void set(const std::string& name, std::string_view text);

  template <Number T>
  [[nodiscard]] T number(const std::string& name) const {
    T value{};
    read_numbers(name, number_type<T>(), 1, &value);
    return value;
  }
  /// An attribute that must hold `count` numbers.
  template <Number T>
  [[nodiscard]] std::vector<T> numbers(const std::string& name, std::size_t count) const {
    std::vector<T> values(count);
    read_numbers(name, number_type<T>(), count, values.data());
    return values;
  }
  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] bool has_attribute(const std::string& name) const;

  template <Number T>
  void write(const std::string& name, std::span<const T> values, const Meaning& meaning,
             Storage storage = Storage::contiguous) {
    write_dataset(name, number_type<T>(), {values.size()}, values.data(), meaning, storage);
  }
  template <Number T>
  void write(const std::string& name, const std::vector<T>& values, const Meaning& meaning,
             Storage storage = Storage::contiguous) {
    write(name, std::span<const T>(values), meaning, storage);
  }
  /// `values` holds rows x cols numbers, row-major.
  template <Number T>
  void write_table(const std::string& name, const std::vector<T>& values, std::size_t rows, std::size_t cols,
                   const Meaning& meaning) {
    write_dataset(name, number_type<T>(), {rows, cols}, values.data(), meaning, Storage::contiguous);
  }
  /// The dataset is contiguous. `data` holds all of it, row-major.
  void write_array(const std::string& name, NumberType type, const std::vector<std::size_t>& shape,
                   const void* data, const Meaning& meaning) {
    write_dataset(name, type, shape, data, meaning, Storage::contiguous);
  }
  void write_text(const std::string& name, std::string_view text, const Meaning& meaning);

  /// Makes a contiguous dataset that others fill, without HDF5. It has no hash until `set_hash`.
  FilePlace reserve(const std::string& name, NumberType type, const std::vector<std::size_t>& shape,
                    const Meaning& meaning);
  /// Adds the hash of the bytes to a dataset made by `reserve`.
  void set_hash(const std::string& dataset, std::uint64_t hash);

  template <Number T>
  [[nodiscard]] std::vector<T> read(const std::string& name) const {
    OpenDataset dataset = open_dataset(name, number_type<T>(), 1);
    std::vector<T> values(dataset.shape[0]);
    read_dataset(dataset, values.data());
    return values;
  }
  template <Number T>
  [[nodiscard]] Table<T> read_table(const std::string& name) const {
    OpenDataset dataset = open_dataset(name, number_type<T>(), 2);
    Table<T> table{dataset.shape[0], dataset.shape[1], std::vector<T>(dataset.shape[0] * dataset.shape[1])};
    read_dataset(dataset, table.values.data());
    return table;
  }
  /// `count` rows of a list or a matrix of `rank` dimensions, from row `begin` on, row-major. The hash is of
  /// the whole dataset and not compared.
  template <Number T>
  [[nodiscard]] std::vector<T> read_rows(const std::string& name, std::size_t rank, std::size_t begin,
                                         std::size_t count) const {
    const OpenDataset dataset = open_dataset(name, number_type<T>(), rank);
    std::vector<T> values(values_in_rows(dataset, begin, count));
    if (!values.empty()) read_rows(dataset, begin, count, values.data());
    return values;
  }
  /// Sizes of a list or a matrix.
  [[nodiscard]] std::vector<std::size_t> shape_of(const std::string& dataset, NumberType type,
                                                  std::size_t rank) const {
    return open_dataset(dataset, type, rank).shape;
  }
  [[nodiscard]] std::uint64_t hash_of(const std::string& dataset) const;
  [[nodiscard]] std::string read_text(const std::string& name) const;

  /// Reads every dataset below this group. @throws Fault naming the first whose bytes do not match their
  /// hash.
  void verify_datasets() const;

 private:
  struct OpenDataset {
    Handle handle;
    Handle type;
    std::string path;
    std::vector<std::size_t> shape;
    std::size_t bytes;
  };

  [[nodiscard]] std::string path_of(const std::string& name) const;
  void set_numbers(const std::string& name, NumberType type, const std::vector<std::size_t>& shape,
                   const void* data);
  void read_numbers(const std::string& name, NumberType type, std::size_t count, void* data) const;
  void write_dataset(const std::string& name, NumberType type, const std::vector<std::size_t>& shape,
                     const void* data, const Meaning& meaning, Storage storage);
  void write_bytes(const std::string& name, hid_t type, hid_t space, hid_t properties, const void* data,
                   std::size_t bytes, const Meaning& meaning);
  [[nodiscard]] OpenDataset open_dataset(const std::string& name) const;
  [[nodiscard]] OpenDataset open_dataset(const std::string& name, NumberType type, std::size_t rank) const;
  static void read_dataset(const OpenDataset& dataset, void* data);
  [[nodiscard]] static std::size_t values_in_rows(const OpenDataset& dataset, std::size_t begin,
                                                  std::size_t count);
  static void read_rows(const OpenDataset& dataset, std::size_t begin, std::size_t count, void* data);
  [[nodiscard]] static std::uint64_t stored_hash(const OpenDataset& dataset);

  Handle handle_;
};

}  // namespace plexus::hdf5
