#include <gtest/gtest.h>

#include "mpi/mpi_context.hpp"
#include "mpi/rank_report.hpp"
#include "tests/mpi/context_conformance.hpp"
#include "tests/mpi_launch/mpi_test_main.hpp"

namespace plexus {
namespace {

class Mpi : public testing::TestWithParam<conformance::Case> {};

TEST_P(Mpi, Conforms) { GetParam().run(world()); }

INSTANTIATE_TEST_SUITE_P(Contexts, Mpi, testing::ValuesIn(conformance::cases()),
                         [](const auto& test) { return test.param.name; });

TEST(MpiContext, ALongSumMatchesElementByElement) {
  std::vector<std::int64_t> values(3'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i) + world().rank();

  world().sum(values);

  std::size_t wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    wrong +=
        values[i] != static_cast<std::int64_t>(i) * world().size() + conformance::triangle(world().size());
  }
  EXPECT_EQ(wrong, 0u);
}

TEST(MpiContext, MessagesOfOtherSizesThanTheirPlacesAreAFault) {
  if (world().size() == 1) GTEST_SKIP() << "there is nobody to send something";
  for (const std::size_t size : {std::size_t{3}, std::size_t{5}}) {
    std::vector<std::byte> bytes(world().rank() == 0 ? size : 4);
    const auto messages = world().peer_messages();
    if (world().rank() == 0) messages->send(1, bytes);
    if (world().rank() == 1) messages->receive(0, bytes);
    if (world().rank() == 1) {
      EXPECT_THROW(messages->wait(), Fault);
    } else {
      messages->wait();
    }
  }
}

TEST(MpiContext, SaysThatMpiRunsAndWhichOne) {
  EXPECT_TRUE(mpi_is_running());
  EXPECT_FALSE(mpi_library_version().empty());
  EXPECT_EQ(mpi_library_version().find('\n'), std::string::npos);
}

TEST(MpiContext, EveryRankHasAPlace) {
  const auto places = gather_places(world(), 1);

  ASSERT_EQ(places.size(), static_cast<std::size_t>(world().size()));
  for (const auto& place : places) EXPECT_FALSE(place.cpus.empty());
}

}  // namespace
}  // namespace plexus
