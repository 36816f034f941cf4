#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/rewire/rewire_method.hpp"
#include "src/support/error.hpp"

namespace plexus {
namespace {

TEST(RewireMethod, KnowsTheseNames) {
  EXPECT_EQ(RewireMethodRegistry::instance().names(), (std::vector<std::string>{"set", "static"}));
}

TEST(RewireMethod, OnlyStaticNeverRewires) {
  EXPECT_TRUE(RewireMethodRegistry::instance().make("set", "topology.method")->rewires());
  EXPECT_FALSE(RewireMethodRegistry::instance().make("static", "topology.method")->rewires());
}

TEST(RewireMethod, AnUnknownNameIsAnInputError) {
  EXPECT_THROW(RewireMethodRegistry::instance().make("sett", "topology.method"), InputError);
}

}  // namespace
}  // namespace plexus
