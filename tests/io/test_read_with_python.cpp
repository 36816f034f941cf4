#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint_file.hpp"
#include "io/run_writer.hpp"
#include "tests/io/run_fixtures.hpp"
#include "tests/io/slice_fixtures.hpp"

namespace plexus {
namespace {

// By its path: another python3, without h5py, may come first in PATH.
const std::string python = "/usr/bin/python3";

/// Runs a shell command. @return its exit code and all it printed.
std::pair<int, std::string> run_command(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {-1, "cannot start a shell"};
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), got);
  }
  const int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

class ReadWithPython : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto [code, output] = run_command(python + " -c 'import h5py, scipy.sparse'");
    ASSERT_EQ(code, 0) << "this test needs the Debian packages python3-h5py and python3-scipy:\n" << output;
  }

  /// Eight epochs of random edits and pruned neurons, a base every three, checkpoints in and between epochs.
  void write_run(std::int64_t keep) {
    EvolvingNetwork network({6, 12, 9, 4});
    RunWriter out(run, keep, "0.1.0", [](const std::string& text) { ADD_FAILURE() << text; });
    hand_over(out, network.first_record());
    out.checkpoint(network.snapshot());
    for (std::int64_t epoch = 1; epoch <= 8; ++epoch) {
      hand_over(out, network.evolve(epoch % 3 == 0));
      out.checkpoint(network.snapshot());
      if (epoch == 8) out.checkpoint(network.snapshot(17));
    }
    ASSERT_LT(network.snapshot().layers[0].row_ids.size(), 12U) << "some neurons have been pruned";
    ASSERT_TRUE(out.finish());
  }

  std::pair<int, std::string> run_script(const std::filesystem::path& directory) {
    return run_script("read_with_python.py", {directory});
  }

  std::pair<int, std::string> run_script(const std::string& name,
                                         const std::vector<std::filesystem::path>& arguments) {
    std::string command =
        python + " '" + (std::filesystem::path(__FILE__).parent_path() / name).string() + "'";
    for (const auto& argument : arguments) command += " '" + argument.string() + "'";
    return run_command(command);
  }

  TempDir folder;
  RunFiles run{folder.path() / "out"};
};

TEST_F(ReadWithPython, EveryEpochIsRebuiltAndEqualsItsCheckpoint) {
  write_run(0);

  const auto [code, output] = run_script(run.root);

  EXPECT_EQ(code, 0) << output;
  EXPECT_EQ(output, "9 epochs rebuilt, 30 matrices compared with checkpoints\n");
}

TEST_F(ReadWithPython, ARunCanBeMovedAndLosesOldCheckpointsOnly) {
  write_run(2);
  const auto moved = folder.path() / "elsewhere";
  std::filesystem::rename(run.root, moved);

  const auto [code, output] = run_script(moved);

  EXPECT_EQ(code, 0) << output;
  EXPECT_EQ(output, "9 epochs rebuilt, 6 matrices compared with checkpoints\n");
}

// The check itself must be able to fail.
TEST_F(ReadWithPython, AnotherTopologyIsNoticed) {
  write_run(0);
  std::filesystem::copy_file(run.checkpoints() / "e000004.h5", run.checkpoints() / "e000005.h5",
                             std::filesystem::copy_options::overwrite_existing);

  const auto [code, output] = run_script(run.root);

  EXPECT_EQ(code, 1);
  EXPECT_NE(output.find("layer 000, epoch 5: checkpoint 000005 has another topology"), std::string::npos)
      << output;
}

TEST_F(ReadWithPython, SlicesMakeTheObjectsThatTheWholeNetworkMakes) {
  const auto whole = folder.path() / "whole.h5", parts = folder.path() / "parts.h5";
  write_checkpoint(whole, small_snapshot(), "0.1.0");
  write_in_parts(parts, small_snapshot(), 3);

  const auto [code, output] = run_script("same_content.py", {whole, parts});

  EXPECT_EQ(code, 0) << output;
  EXPECT_TRUE(output.ends_with(" objects are the same\n")) << output;
}

TEST_F(ReadWithPython, OtherContentIsNoticed) {
  const auto first = folder.path() / "first.h5", second = folder.path() / "second.h5";
  write_checkpoint(first, small_snapshot(2), "0.1.0");
  write_checkpoint(second, small_snapshot(3), "0.1.0");

  const auto [code, output] = run_script("same_content.py", {first, second});

  EXPECT_EQ(code, 1);
  EXPECT_NE(output.find("position: attribute epoch is 2 and 3"), std::string::npos) << output;
}

}  // namespace
}  // namespace plexus
