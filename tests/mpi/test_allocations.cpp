// Counts every operator new of this executable: training in its steady state must not ask for memory.
#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "mpi/trainer.hpp"
#include "src/support/random_stream.hpp"
#include "tests/support/run_ranks.hpp"

namespace {

std::atomic<std::int64_t> allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* place = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (place == nullptr) throw std::bad_alloc();
  return place;
}

}  // namespace

// Not inlined: the compiler would take the memory for another function's.
#define PLEXUS_REPLACED __attribute__((noinline))
PLEXUS_REPLACED void* operator new(std::size_t size) {
  return counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
PLEXUS_REPLACED void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
PLEXUS_REPLACED void operator delete(void* place) noexcept { std::free(place); }
PLEXUS_REPLACED void operator delete(void* place, std::size_t) noexcept { std::free(place); }
PLEXUS_REPLACED void operator delete(void* place, std::align_val_t) noexcept { std::free(place); }
PLEXUS_REPLACED void operator delete(void* place, std::size_t, std::align_val_t) noexcept {
  std::free(place);
}

namespace plexus {
namespace {

/// Notes how many allocations there have been after each step.
class AllocationsAfterSteps final : public TrainerHook {
 public:
  explicit AllocationsAfterSteps(std::size_t steps) { after.reserve(steps); }
  void step_done(const TrainingPosition&, std::int64_t) override { after.push_back(allocations); }
  void epoch_done(const EpochMetrics&) override {}
  std::vector<std::int64_t> after;
};

Dataset noise(Offset samples, Index features, Index classes) {
  const RandomStream stream(1, Purpose::subset);
  Dataset data;
  data.features_per_sample = features;
  data.classes = classes;
  for (Offset i = 0; i < samples; ++i) {
    data.labels.push_back(static_cast<std::int32_t>(i % classes));
    for (Index f = 0; f < features; ++f) {
      data.features.push_back(
          static_cast<float>(stream.normal(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(f))));
    }
  }
  return data;
}

/// Allocations of all ranks during each step of rank 0 but the first two and the last one, in which the
/// others may be starting or have ended.
std::vector<std::int64_t> allocations_per_step(const ExperimentConfig& config, int ranks) {
  DataSplit data;
  data.train = noise(1280, 20, 5);
  data.test = noise(64, 20, 5);
  std::vector<std::int64_t> per_step;
  run_ranks(ranks, [&](DistributedContext& ctx) {
    AllocationsAfterSteps hook(10);
    Trainer trainer(ctx, {config, data, hook, nullptr, [] { return false; }, "config"}, std::nullopt);
    trainer.run();
    if (ctx.rank() != 0) return;
    for (std::size_t i = 2; i + 1 < hook.after.size(); ++i)
      per_step.push_back(hook.after[i] - hook.after[i - 1]);
  });
  return per_step;
}

TEST(Allocations, NoStepButTheFirstAsksForMemory) {
  ExperimentConfig config;
  config.network.layers = {20, 40, 36, 5};
  config.network.dropout = 0.2;
  config.topology.density = 0.3;
  config.training.epochs = 1;
  config.training.batch_size = 128;
  for (const Index hidden : {40, 400}) {  // 400: threads take slabs of their own in the backward pass too
    config.network.layers[1] = hidden;
    config.network.layers[2] = hidden - 4;
    for (const char* exactness : {"exact", "fast"}) {
      for (const char* output_layer : {"evolved", "dense"}) {
        for (const int threads : {1, 2}) {
          SCOPED_TRACE(testing::Message() << hidden << " hidden, " << exactness << ", " << output_layer
                                          << ", " << threads << " threads");
          config.parallel.exactness = exactness;
          config.topology.output_layer = output_layer;
          omp_set_num_threads(threads);

          for (const int ranks : {1, 2, 3}) {
            EXPECT_EQ(allocations_per_step(config, ranks), std::vector<std::int64_t>(7, 0))
                << ranks << " ranks";
          }
        }
      }
    }
  }
  omp_set_num_threads(1);
}

TEST(Allocations, NoRoundOfMessagesButTheFirstAsksForMemory) {
  std::vector<std::int64_t> of_rank(3, -1);
  run_ranks(3, [&](DistributedContext& ctx) {
    const auto messages = ctx.peer_messages();
    std::vector<std::byte> out(500), in(500 * 3);
    const auto round = [&](std::size_t size) {
      for (int peer = 0; peer < ctx.size(); ++peer) {
        messages->receive(peer, std::span(in).subspan(500 * static_cast<std::size_t>(peer), size));
        messages->send(peer, std::span(out).first(size));
      }
      messages->wait();
    };
    round(500);
    round(500);
    ctx.barrier();
    const std::int64_t before = allocations;

    for (const std::size_t size : {500u, 20u, 500u}) round(size);

    of_rank[static_cast<std::size_t>(ctx.rank())] = allocations - before;
  });
  EXPECT_EQ(of_rank, std::vector<std::int64_t>(3, 0));
}

TEST(Allocations, AreCounted) {
  const std::int64_t before = allocations;

  const std::vector<int> something(3);

  EXPECT_EQ(allocations, before + 1);
}

}  // namespace
}  // namespace plexus
