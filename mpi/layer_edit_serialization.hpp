#pragma once

#include <boost/serialization/is_bitwise_serializable.hpp>
#include <boost/serialization/level.hpp>
#include <boost/serialization/tracking.hpp>
#include <boost/serialization/vector.hpp>
#include <type_traits>

#include "src/rewire/layer_edit.hpp"

// Lets `message.hpp` carry edit lists, so that the headers of `src` stay free of Boost.

namespace plexus {

template <class Archive>
void serialize(Archive& archive, GrownConnection& grown, unsigned) {
  archive& grown.row& grown.col& grown.value;
}

template <class Archive>
void serialize(Archive& archive, LayerEdit& edit, unsigned) {
  archive& edit.generation& edit.removed_rows& edit.removed_cols& edit.dropped& edit.grown;
}

// Bitwise copies below are right only without padding.
static_assert(sizeof(GrownConnection) == 2 * sizeof(Index) + sizeof(Real));
static_assert(std::is_trivially_copyable_v<GrownConnection>);

}  // namespace plexus

// Vectors of connections travel as one block; no type carries class ids or object addresses.
BOOST_IS_BITWISE_SERIALIZABLE(plexus::GrownConnection)
BOOST_CLASS_IMPLEMENTATION(plexus::GrownConnection, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(plexus::GrownConnection, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(plexus::LayerEdit, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(plexus::LayerEdit, boost::serialization::track_never)
