#include "io/hdf5_handle.hpp"

#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <mutex>

#include "src/support/error.hpp"

namespace plexus::hdf5 {

static_assert(std::endian::native == std::endian::little, "hashes are of little-endian bytes");

namespace {

constexpr const char* hash_attribute = "xxh3_64";

/// Values a compressed chunk holds at most: 512 KiB of 64-bit numbers.
constexpr hsize_t chunk_values = 65536;

/// Deflate never shrinks data by more than this factor (RFC 1951: 258 bytes in 2 bits), chunk headers aside.
constexpr std::size_t most_compression = 1032;

hid_t file_type(NumberType type) {
  switch (type) {
    case NumberType::int32:
      return H5T_STD_I32LE;
    case NumberType::int64:
      return H5T_STD_I64LE;
    case NumberType::uint64:
      return H5T_STD_U64LE;
    case NumberType::float32:
      return H5T_IEEE_F32LE;
    case NumberType::float64:
      break;
  }
  return H5T_IEEE_F64LE;
}

/// The texts of HDF5's error stack, where it began first.
std::string reason() {
  std::vector<std::string> lines;
  const auto collect = [](unsigned, const H5E_error2_t* error, void* to) -> herr_t {
    try {
      if (error->desc != nullptr && *error->desc != '\0') {
        static_cast<std::vector<std::string>*>(to)->emplace_back(error->desc);
      }
      return 0;
    } catch (...) {  // out of memory: the reason stays shorter
      return -1;
    }
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &lines);
  H5Eclear2(H5E_DEFAULT);
  return lines.empty() ? "no reason given" : fmt::format("{}", fmt::join(lines, "; "));
}

Handle space_of(const std::vector<std::size_t>& shape) {
  if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose, "create a data space"};
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose,
          "create a data space"};
}

/// `size` > 0. Text is stored with a fixed length: variable lengths live in a part of the file that has no
/// checksum.
Handle text_type(std::size_t size) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "create a text type");
  check(H5Tset_size(type.id(), size), "set the length of a text");
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "set the padding of a text");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "set the encoding of a text");
  return type;
}

/// HDF5 has no texts of length 0.
std::string with_padding(std::string_view text) {
  return std::string(text.empty() ? std::string_view("\0", 1) : text);
}

std::string without_padding(std::string text) {
  text.erase(std::find(text.begin(), text.end(), '\0'), text.end());
  return text;
}

/// An attribute's raw bytes, as the file holds them.
struct RawAttribute {
  Handle type;
  std::vector<std::size_t> shape;
  std::string bytes;
};

RawAttribute read_attribute(hid_t object, const std::string& name) {
  const std::string doing = fmt::format("read attribute '{}'", name);
  const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, doing);
  const Handle space(H5Aget_space(attribute.id()), H5Sclose, doing);
  RawAttribute raw{{H5Aget_type(attribute.id()), H5Tclose, doing}, {}, {}};
  const int rank = H5Sget_simple_extent_ndims(space.id());
  check(rank, doing);
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr), doing);
  raw.shape.assign(sizes.begin(), sizes.end());
  ensure(H5Tdetect_class(raw.type.id(), H5T_VLEN) == 0 && H5Tis_variable_str(raw.type.id()) == 0,
         "attribute '{}' has a variable length, which this format never has", name);
  const auto points =
      static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space.id())));
  raw.bytes.resize(points * H5Tget_size(raw.type.id()));
  if (!raw.bytes.empty()) check(H5Aread(attribute.id(), raw.type.id(), raw.bytes.data()), doing);
  return raw;
}

void write_attribute(hid_t object, const std::string& name, hid_t type, const std::vector<std::size_t>& shape,
                     const void* data) {
  const std::string doing = fmt::format("write attribute '{}'", name);
  const Handle space = space_of(shape);
  const Handle attribute(H5Acreate2(object, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose, doing);
  check(H5Awrite(attribute.id(), type, data), doing);
}

void write_attribute(hid_t object, const std::string& name, std::string_view text) {
  const std::string bytes = with_padding(text);
  write_attribute(object, name, text_type(bytes.size()).id(), {}, bytes.data());
}

std::vector<std::string> link_names(hid_t group) {
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    try {
      static_cast<std::vector<std::string>*>(to)->emplace_back(name);
      return 0;
    } catch (...) {
      return -1;
    }
  };
  check(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names), "list a group");
  std::sort(names.begin(), names.end());
  return names;
}

H5L_info_t link_info(hid_t group, const std::string& name) {
  H5L_info_t info{};
  check(H5Lget_info(group, name.c_str(), &info, H5P_DEFAULT), fmt::format("look up '{}'", name));
  return info;
}

H5O_type_t object_type(hid_t group, const std::string& name) {
  H5O_info_t info{};
  check(H5Oget_info_by_name2(group, name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT),
        fmt::format("look up '{}'", name));
  return info.type;
}

/// @param doing  for messages
Handle create_dataset(hid_t group, const std::string& name, hid_t type, hid_t space, hid_t properties,
                      const std::string& doing) {
  check(H5Pset_obj_track_times(properties, false), doing);
  check(H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER), doing);
  return {H5Dcreate2(group, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose,
          doing};
}

void write_meaning(hid_t dataset, const Meaning& meaning) {
  write_attribute(dataset, "long_name", meaning.long_name);
  write_attribute(dataset, "units", meaning.units);
}

void write_hash(hid_t dataset, std::uint64_t hash) {
  write_attribute(dataset, hash_attribute, H5T_STD_U64LE, {}, &hash);
}

Handle open_group(hid_t parent, const std::string& name) {
  return {H5Gopen2(parent, name.c_str(), H5P_DEFAULT), H5Gclose, fmt::format("open group '{}'", name)};
}

}  // namespace

void prepare_library() {
  // Locking has nothing to protect: every file is written once under a temporary name and never changed, and
  // it makes HDF5 fail on NFS and Lustre mounts without lock support. HDF5 reads the variable when it starts.
  static std::once_flag once;
  std::call_once(once, [] { ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0); });
  check(H5open(), "start");
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // a setting of the calling thread
}

void check(herr_t result, std::string_view doing) {
  if (result < 0) throw Fault(fmt::format("HDF5 cannot {}: {}", doing, reason()));
}

Handle::Handle(hid_t id, Close closer, std::string_view doing) : id_(id), close_(closer) {
  if (id < 0) throw Fault(fmt::format("HDF5 cannot {}: {}", doing, reason()));
}

Handle::~Handle() {
  if (id_ >= 0) close_(id_);
}

void Handle::close(std::string_view doing) { check(close_(std::exchange(id_, -1)), doing); }

std::string Group::path_of(const std::string& name) const {
  const ssize_t size = H5Iget_name(handle_.id(), nullptr, 0);
  std::string path(static_cast<std::size_t>(std::max<ssize_t>(size, 0)) + 1, '\0');
  H5Iget_name(handle_.id(), path.data(), path.size());
  path = without_padding(path);
  return path.ends_with('/') ? path + name : path + "/" + name;
}

Group Group::create_group(const std::string& name) {
  const std::string doing = fmt::format("create group '{}'", path_of(name));
  const Handle properties(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, doing);
  check(H5Pset_obj_track_times(properties.id(), false), doing);  // equal content gives equal bytes
  return Group(
      {H5Gcreate2(handle_.id(), name.c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT), H5Gclose, doing});
}

Group Group::group(const std::string& name) const {
  ensure(has(name), "group '{}' is missing", path_of(name));
  return Group(open_group(handle_.id(), name));
}

bool Group::has(const std::string& name) const {
  const htri_t exists = H5Lexists(handle_.id(), name.c_str(), H5P_DEFAULT);
  check(exists, fmt::format("look for '{}'", path_of(name)));
  return exists > 0;
}

bool Group::is_dataset(const std::string& name) const {
  return has(name) && object_type(handle_.id(), name) == H5O_TYPE_DATASET;
}

void Group::link_to_file(const std::string& name, const std::string& file) {
  check(H5Lcreate_external(file.c_str(), "/", handle_.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
        fmt::format("create link '{}'", path_of(name)));
}

void Group::set_numbers(const std::string& name, NumberType type, const std::vector<std::size_t>& shape,
                        const void* data) {
  write_attribute(handle_.id(), name, file_type(type), shape, data);
}

void Group::set(const std::string& name, std::string_view text) { write_attribute(handle_.id(), name, text); }

bool Group::has_attribute(const std::string& name) const {
  const htri_t exists = H5Aexists(handle_.id(), name.c_str());
  check(exists, fmt::format("look for attribute '{}'", path_of(name)));
  return exists > 0;
}

void Group::read_numbers(const std::string& name, NumberType type, std::size_t count, void* data) const {
  ensure(has_attribute(name), "attribute '{}' is missing", path_of(name));
  const RawAttribute raw = read_attribute(handle_.id(), name);
  std::size_t stored = 1;
  for (const std::size_t size : raw.shape) stored *= size;
  ensure(H5Tequal(raw.type.id(), file_type(type)) > 0 && stored == count,
         "attribute '{}' has another type or number of values than this format has", path_of(name));
  std::copy(raw.bytes.begin(), raw.bytes.end(), static_cast<char*>(data));
}

std::string Group::text(const std::string& name) const {
  ensure(has_attribute(name), "attribute '{}' is missing", path_of(name));
  RawAttribute raw = read_attribute(handle_.id(), name);
  ensure(H5Tget_class(raw.type.id()) == H5T_STRING && raw.shape.empty(), "attribute '{}' is no text",
         path_of(name));
  return without_padding(std::move(raw.bytes));
}

void Group::write_bytes(const std::string& name, hid_t type, hid_t space, hid_t properties, const void* data,
                        std::size_t bytes, const Meaning& meaning) {
  const std::string doing = fmt::format("write dataset '{}'", path_of(name));
  const Handle dataset = create_dataset(handle_.id(), name, type, space, properties, doing);
  if (bytes > 0) check(H5Dwrite(dataset.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), doing);
  write_meaning(dataset.id(), meaning);
  write_hash(dataset.id(), XXH3_64bits(data, bytes));
}

void Group::write_dataset(const std::string& name, NumberType type, const std::vector<std::size_t>& shape,
                          const void* data, const Meaning& meaning, Storage storage) {
  const Handle space = space_of(shape);
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "create dataset properties");
  std::size_t count = 1;
  for (const std::size_t size : shape) count *= size;
  if (storage == Storage::compressed && count > 0) {
    ensure(shape.size() == 1, "dataset '{}': only lists are compressed", path_of(name));
    const hsize_t chunk = std::min<hsize_t>(count, chunk_values);
    check(H5Pset_chunk(properties.id(), 1, &chunk), "set the chunk size");
    check(H5Pset_shuffle(properties.id()), "set the shuffle filter");
    check(H5Pset_deflate(properties.id(), 1), "set the deflate filter");
  }
  write_bytes(name, file_type(type), space.id(), properties.id(), data, count * H5Tget_size(file_type(type)),
              meaning);
}

void Group::write_text(const std::string& name, std::string_view text, const Meaning& meaning) {
  const std::string bytes = with_padding(text);
  const Handle type = text_type(bytes.size());
  const Handle space = space_of({});
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "create dataset properties");
  write_bytes(name, type.id(), space.id(), properties.id(), bytes.data(), bytes.size(), meaning);
}

FilePlace Group::reserve(const std::string& name, NumberType type, const std::vector<std::size_t>& shape,
                         const Meaning& meaning) {
  const std::string doing = fmt::format("make room for dataset '{}'", path_of(name));
  const Handle space = space_of(shape);
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, doing);
  check(H5Pset_alloc_time(properties.id(), H5D_ALLOC_TIME_EARLY), doing);
  const Handle dataset =
      create_dataset(handle_.id(), name, file_type(type), space.id(), properties.id(), doing);
  write_meaning(dataset.id(), meaning);
  FilePlace place;
  place.bytes = H5Tget_size(file_type(type));
  for (const std::size_t size : shape) place.bytes *= size;
  if (place.bytes == 0) return place;
  const haddr_t begin = H5Dget_offset(dataset.id());
  ensure(begin != HADDR_UNDEF, "HDF5 cannot {}: no place was given to it", doing);
  place.begin = begin;
  return place;
}

void Group::set_hash(const std::string& dataset, std::uint64_t hash) {
  write_hash(open_dataset(dataset).handle.id(), hash);
}

Group::OpenDataset Group::open_dataset(const std::string& name) const {
  const std::string path = path_of(name);
  ensure(is_dataset(name), "dataset '{}' is missing", path);
  const std::string doing = fmt::format("open dataset '{}'", path);
  Handle handle(H5Dopen2(handle_.id(), name.c_str(), H5P_DEFAULT), H5Dclose, doing);
  Handle type(H5Dget_type(handle.id()), H5Tclose, doing);
  const Handle space(H5Dget_space(handle.id()), H5Sclose, doing);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  check(rank, doing);
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr), doing);

  // No more memory than the stored bytes can fill, whatever a damaged file says about its sizes.
  ensure(H5Tdetect_class(type.id(), H5T_VLEN) == 0 && H5Tis_variable_str(type.id()) == 0,
         "dataset '{}' has a variable length, which this format never has", path);
  const std::size_t stored = H5Dget_storage_size(handle.id());
  const std::size_t limit =
      stored > std::numeric_limits<std::size_t>::max() / most_compression ? 0 : stored * most_compression;
  std::size_t bytes = H5Tget_size(type.id());
  for (const hsize_t size : sizes) {
    ensure(size == 0 || bytes <= limit / size, "dataset '{}' is larger than what is stored of it", path);
    bytes *= size;
  }
  return {std::move(handle), std::move(type), path, {sizes.begin(), sizes.end()}, bytes};
}

Group::OpenDataset Group::open_dataset(const std::string& name, NumberType type, std::size_t rank) const {
  OpenDataset dataset = open_dataset(name);
  ensure(H5Tequal(dataset.type.id(), file_type(type)) > 0 && dataset.shape.size() == rank,
         "dataset '{}' has another type or number of dimensions than this format has", dataset.path);
  return dataset;
}

void Group::read_dataset(const OpenDataset& dataset, void* data) {
  const std::string doing = fmt::format("read dataset '{}'", dataset.path);
  if (dataset.bytes > 0) {
    check(H5Dread(dataset.handle.id(), dataset.type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data), doing);
  }
  const std::uint64_t stored = stored_hash(dataset);
  const std::uint64_t found = XXH3_64bits(data, dataset.bytes);
  ensure(found == stored, "the bytes of dataset '{}' do not match their hash ({:016x}, stored {:016x})",
         dataset.path, found, stored);
}

std::uint64_t Group::stored_hash(const OpenDataset& dataset) {
  std::uint64_t stored = 0;
  const RawAttribute raw = read_attribute(dataset.handle.id(), hash_attribute);
  ensure(raw.bytes.size() == sizeof stored, "dataset '{}' has no hash", dataset.path);
  std::copy(raw.bytes.begin(), raw.bytes.end(), reinterpret_cast<char*>(&stored));
  return stored;
}

std::uint64_t Group::hash_of(const std::string& dataset) const { return stored_hash(open_dataset(dataset)); }

std::size_t Group::values_in_rows(const OpenDataset& dataset, std::size_t begin, std::size_t count) {
  ensure(begin <= dataset.shape[0] && count <= dataset.shape[0] - begin,
         "dataset '{}' has {} rows; {} from row {} on are wanted", dataset.path, dataset.shape[0], count,
         begin);
  std::size_t values = count;
  for (std::size_t i = 1; i < dataset.shape.size(); ++i) values *= dataset.shape[i];
  return values;
}

void Group::read_rows(const OpenDataset& dataset, std::size_t begin, std::size_t count, void* data) {
  const std::string doing = fmt::format("read rows of dataset '{}'", dataset.path);
  std::vector<hsize_t> first(dataset.shape.size(), 0);
  std::vector<hsize_t> sizes(dataset.shape.begin(), dataset.shape.end());
  first[0] = begin;
  sizes[0] = count;
  const Handle in_file(H5Dget_space(dataset.handle.id()), H5Sclose, doing);
  check(H5Sselect_hyperslab(in_file.id(), H5S_SELECT_SET, first.data(), nullptr, sizes.data(), nullptr),
        doing);
  const Handle in_memory = space_of({sizes.begin(), sizes.end()});
  check(H5Dread(dataset.handle.id(), dataset.type.id(), in_memory.id(), in_file.id(), H5P_DEFAULT, data),
        doing);
}

std::string Group::read_text(const std::string& name) const {
  const OpenDataset dataset = open_dataset(name);
  ensure(H5Tget_class(dataset.type.id()) == H5T_STRING && dataset.shape.empty(), "dataset '{}' is no text",
         dataset.path);
  std::string text(dataset.bytes, '\0');
  read_dataset(dataset, text.data());
  return without_padding(std::move(text));
}

void Group::verify_datasets() const {
  for (const auto& name : link_names(handle_.id())) {
    if (link_info(handle_.id(), name).type != H5L_TYPE_HARD) continue;
    if (is_dataset(name)) {
      const OpenDataset dataset = open_dataset(name);
      std::vector<std::byte> bytes(dataset.bytes);
      read_dataset(dataset, bytes.data());
    } else {
      group(name).verify_datasets();
    }
  }
}

}  // namespace plexus::hdf5
