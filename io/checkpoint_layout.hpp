#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "io/hdf5_file.hpp"
#include "src/state/snapshot_head.hpp"

namespace plexus {

// The layout of a checkpoint (io/README.md), shared by those who write and read it whole and in slices.

inline constexpr hdf5::FileFormat checkpoint_format{"plexus-checkpoint", "checkpoint"};

/// An array of a layer, a member of `LayerSnapshot`, and its dataset.
struct LayerArray {
  enum class Member { row_ptrs, col_idxs, values, biases, value_state, bias_state, row_ids, col_ids };

  Member member;
  std::size_t state = 0;  ///< which one of value_states or bias_states
  std::string name;       ///< within the group of the layer
  hdf5::NumberType type;
  std::vector<std::size_t> shape;
  hdf5::Meaning meaning;
};

/// The arrays of a layer as they follow each other in the file.
[[nodiscard]] std::vector<LayerArray> arrays_of(const LayerHead& head);

/// What `layer` holds of an array.
[[nodiscard]] std::span<const std::byte> bytes_of(const LayerSnapshot& layer, const LayerArray& array);

/// Writes all but fingerprint and layers.
void write_rest(hdf5::Group& root, const ModelSnapshot& snapshot);
[[nodiscard]] ModelSnapshot read_rest(const hdf5::Group& root);

/// Makes the group of a layer, with all but its arrays.
[[nodiscard]] hdf5::Group create_layer(hdf5::Group& layers, std::size_t layer, const LayerHead& head);
/// Of a layer's group. @throws Fault if sizes do not fit together.
[[nodiscard]] LayerHead read_layer_head(const hdf5::Group& group);

/// @throws Fault unless `ids` ascend from 0 or more to less than `original`
void check_ids(const std::vector<NeuronId>& ids, const std::string& name, Offset original);

}  // namespace plexus
