#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "mpi/layer_edit_serialization.hpp"
#include "mpi/message.hpp"

namespace plexus {
namespace {

TEST(Message, SurvivesTheWayThroughBytes) {
  const std::vector<std::pair<std::string, double>> message = {
      {"a", 0.1}, {"", -1e300}, {std::string(1000, 'x'), 0}};

  const auto bytes = to_bytes(message);

  EXPECT_EQ((from_bytes<std::vector<std::pair<std::string, double>>>(bytes)), message);
}

TEST(Message, ConnectionsTravelAsOneBlock) {
  LayerEdit edit;
  edit.grown.resize(1000);

  const auto bytes = to_bytes(edit);

  EXPECT_EQ(from_bytes<LayerEdit>(bytes), edit);
  EXPECT_LT(bytes.size(), 1000 * sizeof(GrownConnection) + 200);
}

TEST(Message, MissingBytesAreAFault) {
  auto bytes = to_bytes(std::string("four"));
  bytes.pop_back();

  EXPECT_THROW((void)from_bytes<std::string>(bytes), Fault);
  EXPECT_THROW((void)from_bytes<std::string>({}), Fault);
}

TEST(Message, SurplusBytesAreAFault) {
  auto bytes = to_bytes(std::string("four"));
  bytes.push_back(std::byte{0});

  EXPECT_THROW((void)from_bytes<std::string>(bytes), Fault);
}

}  // namespace
}  // namespace plexus
