#include "io/checkpoint_slices.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "io/stream_hash.hpp"
#include "src/support/error.hpp"
#include "src/support/sign_of_life.hpp"

namespace plexus {

namespace fs = std::filesystem;

namespace {

using Member = LayerArray::Member;

constexpr std::size_t block_size = std::size_t{1} << 20;

/// Written bytes from which on they are synced before more follow, so that no sync takes long.
constexpr std::size_t most_unsynced = std::size_t{256} << 20;

/// Reads exactly `size` bytes from place `at` on.
void read_at(const FileDescriptor& file, char* to, std::size_t size, std::uint64_t at) {
  while (size > 0) {
    const ssize_t got = ::pread(file.number(), to, size, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    ensure(got >= 0, "reading it back failed: {}", reason_of(errno));
    ensure(got > 0, "reading it back failed: it is shorter than was written");
    to += got;
    at += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
}

/// Compares the pieces of a file with what is on disk.
class PieceReader {
 public:
  PieceReader(const fs::path& path, std::vector<WrittenPiece> pieces)
      : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), pieces_(std::move(pieces)), block_(block_size) {
    ensure(file_.is_open(), "reading it back failed: {}", reason_of(errno));
    std::ranges::sort(pieces_, {}, &WrittenPiece::begin);
  }

  /// Hash of all bytes of a dataset, which must be made of pieces without gaps.
  std::uint64_t hash_of(const std::string& dataset, hdf5::FilePlace place) {
    StreamHash whole;
    if (place.bytes == 0) return whole.value();
    auto piece = std::ranges::lower_bound(pieces_, place.begin, {}, &WrittenPiece::begin);
    std::uint64_t at = place.begin;
    for (const std::uint64_t end = place.begin + place.bytes; at < end; ++piece) {
      ensure(piece != pieces_.end() && piece->begin == at && piece->bytes <= end - at,
             "the slices of dataset '{}' leave a gap or overlap", dataset);
      ensure(read(*piece, whole) == piece->hash, "dataset '{}' reads back as other bytes than were written",
             dataset);
      at += piece->bytes;
    }
    return whole.value();
  }

 private:
  /// @return the hash of the piece, whose bytes it adds to `whole`
  std::uint64_t read(const WrittenPiece& piece, StreamHash& whole) {
    StreamHash own;
    for (std::uint64_t done = 0; done < piece.bytes;) {
      const std::size_t part = std::min<std::uint64_t>(block_.size(), piece.bytes - done);
      read_at(file_, block_.data(), part, piece.begin + done);
      own.add(block_.data(), part);
      whole.add(block_.data(), part);
      sign_of_life();
      done += part;
    }
    return own.value();
  }

  FileDescriptor file_;
  std::vector<WrittenPiece> pieces_;
  std::vector<char> block_;
};

/// First element of an array that belongs to the slice, and how many a row or a connection has.
std::size_t first_element(const LayerArray& array, SlicePlace place) {
  switch (array.member) {
    case Member::col_idxs:
    case Member::values:
    case Member::value_state:
      return static_cast<std::size_t>(place.first_connection);
    default:
      return static_cast<std::size_t>(place.first_row);
  }
}

void check_slice(const LayerHead& head, const LayerSnapshot& slice, SlicePlace place) {
  const Topology& t = slice.topology;
  const bool without_pattern = slice.kind == LayerKind::dense;
  const Offset stored = without_pattern ? t.cells() : t.connections();
  const auto rows = static_cast<std::size_t>(t.rows);
  const auto connections = static_cast<std::size_t>(stored);
  bool fits = place.first_row >= 0 && t.rows <= head.rows - place.first_row && place.first_connection >= 0 &&
              stored <= head.connections - place.first_connection &&
              (without_pattern || t.row_ptrs.size() == rows + 1) && slice.values.size() == connections &&
              slice.biases.size() == rows && slice.row_ids.size() == rows &&
              slice.value_states.size() == head.value_states && slice.bias_states.size() == head.bias_states;
  for (const auto& state : slice.value_states) fits = fits && state.size() == connections;
  for (const auto& state : slice.bias_states) fits = fits && state.size() == rows;
  if (head.kind == LayerKind::dense) {
    fits = fits && stored == static_cast<Offset>(t.rows) * head.cols &&
           place.first_connection == static_cast<Offset>(place.first_row) * head.cols;
  } else {
    fits = fits && !without_pattern;
  }
  ensure(fits, "a slice of {} x {} neurons and {} connections does not fit its layer of {} x {} and {}",
         t.rows, t.cols, stored, head.rows, head.cols, head.connections);
}

/// The part of `indptr` that a slice writes: the ends of its rows, before them 0 where it is the first.
std::vector<Offset> ends_of_rows(const LayerSnapshot& slice, SlicePlace place, bool first) {
  std::vector<Offset> ends(slice.topology.row_ptrs.begin() + (first ? 0 : 1), slice.topology.row_ptrs.end());
  for (Offset& end : ends) end += place.first_connection;
  return ends;
}

/// The pattern of some rows of a dense layer.
void connect_all_cells(Topology& t) {
  t.col_idxs.reserve(static_cast<std::size_t>(t.cells()));
  for (Index row = 0; row < t.rows; ++row) {
    for (Index col = 0; col < t.cols; ++col) t.col_idxs.push_back(col);
    t.row_ptrs.push_back(t.connections());
  }
}

/// The pattern of rows [begin, begin + t.rows) of a sparse layer. @return its first connection
std::size_t read_pattern(const hdf5::Group& group, std::size_t begin, const LayerHead& head, Topology& t) {
  t.row_ptrs = group.read_rows<Offset>("W/indptr", 1, begin, static_cast<std::size_t>(t.rows) + 1);
  const Offset first = t.row_ptrs.front();
  ensure(first >= 0 && first <= t.row_ptrs.back() && t.row_ptrs.back() <= head.connections &&
             (begin > 0 || first == 0) &&
             (begin + static_cast<std::size_t>(t.rows) < static_cast<std::size_t>(head.rows) ||
              t.row_ptrs.back() == head.connections),
         "'W/indptr' does not fit {} connections", head.connections);
  for (Offset& ptr : t.row_ptrs) ptr -= first;
  t.col_idxs = group.read_rows<Index>("W/indices", 1, static_cast<std::size_t>(first),
                                      static_cast<std::size_t>(t.row_ptrs.back()));
  return static_cast<std::size_t>(first);
}

LayerSnapshot read_slice(const hdf5::Group& group, Index begin, Index end) {
  const LayerHead head = read_layer_head(group);
  ensure(begin >= 0 && begin <= end && end <= head.rows, "it has {} rows; {} to {} are wanted", head.rows,
         begin, end);
  const bool dense = head.kind == LayerKind::dense;
  const auto first_row = static_cast<std::size_t>(begin);
  LayerSnapshot slice;
  slice.activation = head.activation;
  slice.original_rows = head.original_rows;
  slice.original_cols = head.original_cols;
  slice.gradient_exponent = head.gradient_exponent;
  Topology& t = slice.topology;
  t.rows = end - begin;
  t.cols = head.cols;
  t.generation = head.generation;
  const auto rows = static_cast<std::size_t>(t.rows);
  std::size_t first = first_row, values = rows;  // rows of a matrix, or connections
  if (dense) {
    connect_all_cells(t);
  } else {
    first = read_pattern(group, first_row, head, t);
    values = static_cast<std::size_t>(t.connections());
  }
  check(t);
  const auto per_value = [&](const std::string& name) {
    return group.read_rows<Real>(name, dense ? 2 : 1, first, values);
  };
  slice.values = per_value(dense ? "W" : "W/data");
  slice.biases = group.read_rows<Real>("bias", 1, first_row, rows);
  for (std::size_t k = 0; k < head.value_states; ++k)
    slice.value_states.push_back(per_value(fmt::format("opt/values_{}", k)));
  for (std::size_t k = 0; k < head.bias_states; ++k)
    slice.bias_states.push_back(group.read_rows<Real>(fmt::format("opt/biases_{}", k), 1, first_row, rows));
  slice.row_ids = group.read_rows<NeuronId>("neuron_ids_out", 1, first_row, rows);
  check_ids(slice.row_ids, "neuron_ids_out", head.original_rows);
  slice.col_ids = group.read<NeuronId>("neuron_ids_in");
  check_ids(slice.col_ids, "neuron_ids_in", head.original_cols);
  return slice;
}

SnapshotHead read_head(const hdf5::Group& root) {
  SnapshotHead head;
  head.rest = read_rest(root);
  const hdf5::Group layers = root.group("layers");
  for (std::size_t i = 0; layers.has(layer_name(i)); ++i) {
    const hdf5::Group group = layers.group(layer_name(i));
    head.layers.push_back(read_layer_head(group));
    ensure(i == 0 ||
               (head.layers[i].cols == head.layers[i - 1].rows &&
                group.hash_of("neuron_ids_in") == layers.group(layer_name(i - 1)).hash_of("neuron_ids_out")),
           "the columns of layer {} are not the rows of the layer before", i);
  }
  return head;
}

}  // namespace

SlicedCheckpoint::SlicedCheckpoint(const fs::path& path, SnapshotHead head, std::string_view code_version)
    : head_(std::move(head)) {
  file_.emplace(path, checkpoint_format, code_version, [this](hdf5::Group& root) { create(root); });
}

void SlicedCheckpoint::create(hdf5::Group& root) {
  write_rest(root, head_.rest);
  hdf5::Group layers = root.create_group("layers");
  for (std::size_t i = 0; i < head_.layers.size(); ++i) {
    hdf5::Group group = create_layer(layers, i, head_.layers[i]);
    std::vector<Array>& arrays = arrays_.emplace_back();
    for (const LayerArray& array : arrays_of(head_.layers[i])) {
      arrays.push_back({fmt::format("layers/{}/{}", layer_name(i), array.name),
                        group.reserve(array.name, array.type, array.shape, array.meaning)});
    }
  }
}

SliceFilePlan SlicedCheckpoint::plan() const {
  SliceFilePlan plan{file_->temporary_path().string(), {}};
  for (const auto& layer : arrays_) {
    plan.begins.emplace_back();
    for (const Array& array : layer) plan.begins.back().push_back(array.place.begin);
  }
  return plan;
}

void SlicedCheckpoint::publish(std::uint64_t fingerprint, std::vector<WrittenPiece> pieces) {
  std::erase_if(pieces, [](const WrittenPiece& piece) { return piece.bytes == 0; });
  std::vector<std::pair<std::string, std::uint64_t>> hashes;
  try {
    PieceReader reader(file_->temporary_path(), std::move(pieces));
    for (const auto& layer : arrays_) {
      for (const Array& array : layer)
        hashes.emplace_back(array.dataset, reader.hash_of(array.dataset, array.place));
    }
  } catch (const Error& error) {
    throw Fault(fmt::format("cannot write '{}': {}", file_->path().string(), error.what()));
  }
  file_->publish(
      [&](hdf5::Group& root) {
        root.set("fingerprint", fingerprint);
        for (const auto& [dataset, hash] : hashes) root.set_hash(dataset, hash);
      },
      hdf5::StagedFile::ReadBack::done);
}

void SliceFileWriter::open(const SnapshotHead& head, const SliceFilePlan& plan, int part) {
  layers_ = head.layers;
  plan_ = plan;
  part_ = part;
  pieces_.clear();
  unsynced_ = 0;
  file_ = FileDescriptor(::open(plan_.path.c_str(), O_WRONLY | O_CLOEXEC));
  ensure(file_.is_open(), "cannot write '{}': {}", plan_.path, reason_of(errno));
}

void SliceFileWriter::write(std::size_t layer, const LayerSnapshot& slice, SlicePlace place) {
  check_slice(layers_.at(layer), slice, place);
  const std::vector<LayerArray> arrays = arrays_of(layers_[layer]);
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const LayerArray& array = arrays[i];
    if (array.member == Member::col_ids) continue;
    std::uint64_t begin = plan_.begins.at(layer).at(i);
    if (array.member == Member::row_ptrs) {
      const bool first = part_ == 0;
      const std::vector<Offset> ends = ends_of_rows(slice, place, first);
      begin += sizeof(Offset) * (static_cast<std::size_t>(place.first_row) + (first ? 0 : 1));
      put(begin, std::as_bytes(std::span(ends)));
    } else {
      put(begin + first_element(array, place) * bytes_of_number(array.type), bytes_of(slice, array));
    }
  }
  put_ids(layer, slice, place);
}

// The columns of a layer are the rows of the layer before.
void SliceFileWriter::put_ids(std::size_t layer, const LayerSnapshot& slice, SlicePlace place) {
  if (layer == 0 && part_ == 0) {
    ensure(slice.col_ids.size() == static_cast<std::size_t>(layers_[0].cols),
           "the first part has {} ids of {} inputs", slice.col_ids.size(), layers_[0].cols);
    put(plan_.begins[0].back(), std::as_bytes(std::span(slice.col_ids)));
  }
  if (layer + 1 == layers_.size()) return;
  put(plan_.begins.at(layer + 1).back() + sizeof(NeuronId) * static_cast<std::size_t>(place.first_row),
      std::as_bytes(std::span(slice.row_ids)));
}

void SliceFileWriter::put(std::uint64_t begin, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  StreamHash hash;
  for (std::size_t done = 0; done < bytes.size();) {
    const std::span<const std::byte> block = bytes.subspan(done, std::min(block_size, bytes.size() - done));
    hash.add(block.data(), block.size());
    const int error = write_all_at(file_.number(), block.data(), block.size(), begin + done);
    ensure(error == 0, "cannot write '{}': {}", plan_.path, reason_of(error));
    sign_of_life();
    done += block.size();
  }
  pieces_.push_back({begin, bytes.size(), hash.value()});
  unsynced_ += bytes.size();
  if (unsynced_ > most_unsynced) sync();
}

void SliceFileWriter::sync() {
  ensure(::fdatasync(file_.number()) == 0, "cannot write '{}': {}", plan_.path, reason_of(errno));
  unsynced_ = 0;
}

std::vector<WrittenPiece> SliceFileWriter::close() {
  int error = ::fsync(file_.number()) != 0 ? errno : 0;
  const int close_error = file_.reset();
  if (error == 0) error = close_error;
  ensure(error == 0, "cannot write '{}': {}", plan_.path, reason_of(error));
  return std::exchange(pieces_, {});
}

SnapshotHead read_checkpoint_head(const fs::path& path) {
  SnapshotHead head;
  hdf5::read_file(path, checkpoint_format, [&](const hdf5::Group& root) { head = read_head(root); });
  return head;
}

LayerSnapshot read_checkpoint_slice(const fs::path& path, std::size_t layer, Index begin, Index end) {
  LayerSnapshot slice;
  hdf5::read_file(
      path, checkpoint_format,
      [&](const hdf5::Group& root) {
        slice = read_slice(root.group("layers").group(layer_name(layer)), begin, end);
      },
      hdf5::Seal::checked);
  return slice;
}

std::optional<FoundCheckpoint> find_newest(const RunFiles& run, const Warn& warn) {
  const std::vector<CheckpointFile> files = checkpoints_in(run);
  std::vector<std::string> problems;
  for (const auto& file : files) {
    const fs::path path = run.checkpoints() / file.file_name();
    try {
      FoundCheckpoint found{path, read_checkpoint_head(path)};
      for (const auto& problem : problems) warn(fmt::format("{}; using '{}'", problem, path.string()));
      return found;
    } catch (const InputError& error) {
      problems.emplace_back(error.what());
    }
  }
  require(
      files.empty(),
      "none of the {} checkpoints in '{}' can be read (the newest: {}). Choose another --out to start again.",
      files.size(), run.checkpoints().string(), problems.empty() ? "" : problems.front());
  return std::nullopt;
}

FoundCheckpoint find_checkpoint(const fs::path& path, const Warn& warn) {
  if (!fs::is_directory(path)) return {path, read_checkpoint_head(path)};
  std::optional<FoundCheckpoint> newest = find_newest({path}, warn);
  require(newest.has_value(),
          "'{}' has no checkpoint in its folder ckpt. Name a run directory or a checkpoint file.",
          path.string());
  return std::move(*newest);
}

}  // namespace plexus
