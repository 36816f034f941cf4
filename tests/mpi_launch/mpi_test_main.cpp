#include "tests/mpi_launch/mpi_test_main.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "mpi/collectives.hpp"
#include "mpi/crash_handlers.hpp"
#include "mpi/mpi_context.hpp"
#include "mpi/process.hpp"
#include "mpi/watchdog.hpp"

namespace plexus {

namespace {

MpiContext* the_world = nullptr;

/// Prints failures with their rank, and ends the job if the ranks do not run the same test.
class RankListener final : public testing::EmptyTestEventListener {
 private:
  void OnTestStart(const testing::TestInfo& test) override {
    const auto name = fmt::format("{}.{}", test.test_suite_name(), test.name());
    activity::at("test", ++tests_);
    for (const auto& other : gather_all(world(), name)) {
      if (other == name) continue;
      write_stderr(fmt::format("rank {} runs {}, but another rank runs {}\n", world().rank(), name, other));
      world().abort(EXIT_FAILURE);
    }
  }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    write_stderr(fmt::format("rank {} of {}: {}:{}: {}\n", world().rank(), world().size(),
                             result.file_name() == nullptr ? "?" : result.file_name(), result.line_number(),
                             result.message()));
  }

  std::int64_t tests_ = 0;
};

/// `--messages` and `--piece-bytes=N`, which also wants messages.
MpiContext::Options options_of(int argc, char** argv) {
  constexpr std::string_view pieces = "--piece-bytes=";
  MpiContext::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(pieces))
      options.piece_bytes = std::stoul(std::string(argument.substr(pieces.size())));
    if (argument == "--messages" || argument.starts_with(pieces)) options.shared_memory = false;
  }
  return options;
}

}  // namespace

DistributedContext& world() { return *the_world; }

}  // namespace plexus

int main(int argc, char** argv) {
  using namespace plexus;
  testing::InitGoogleTest(&argc, argv);
  MpiContext context(argc, argv, options_of(argc, argv));
  the_world = &context;
  install_crash_handlers(context.rank(), context.size());
  Watchdog::Options options;
  options.rank = context.rank();
  options.size = context.size();
  options.seconds = 60.0;
  const Watchdog watchdog(options);

  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (context.rank() != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new RankListener);  // GoogleTest owns it

  const std::int64_t failed = RUN_ALL_TESTS() == 0 ? 0 : 1;
  return sum(context, failed) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
