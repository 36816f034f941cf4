#include "src/parts/halo.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "mpi/rank_parts.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

/// What neuron `neuron` has for a sample of `line`.
Real value_of(Index neuron, Index line, Index sample) {
  return static_cast<Real>(neuron * 1000 + line * line_samples + sample);
}

/// Every part holds its own neurons and those that `reads` says; each value is to be its neuron's.
template <class Reads>
void expect_values(const std::vector<Index>& cuts, Index lines, Reads&& reads) {
  run_ranks(static_cast<int>(cuts.size()) - 1, [&](DistributedContext& ctx) {
    RankParts parts(ctx);
    const auto own = static_cast<std::size_t>(ctx.rank());
    std::vector<Index> held;
    for (Index neuron = 0; neuron < cuts.back(); ++neuron) {
      if ((neuron >= cuts[own] && neuron < cuts[own + 1]) || reads(ctx.rank(), neuron))
        held.push_back(neuron);
    }
    Halo halo(parts, cuts, held);
    Slabs values;
    halo.surround(values);
    for (int round = 0; round < 2; ++round) {
      values.resize(lines, cuts[own + 1] - cuts[own]);
      std::fill_n(values.data(), values.size(), Real{-1});
      for (Index s = 0; s < values.slabs(); ++s) {
        const SlabView slab = values.own(s);
        for (Index n = cuts[own]; n < cuts[own + 1]; ++n) {
          for (Index i = 0; i < slab.lines * line_samples; ++i)
            slab.neuron(n - cuts[own])[i] = value_of(n, values.first_line(s), i);
        }
      }
      halo.start(values);
      halo.poll();
      halo.finish();
      ASSERT_EQ(values.neurons(), static_cast<Index>(held.size()));
      for (Index s = 0; s < values.slabs(); ++s) {
        const SlabView slab = values.slab(s);
        for (std::size_t place = 0; place < held.size(); ++place) {
          for (Index i = 0; i < slab.lines * line_samples; ++i) {
            ASSERT_EQ(slab.neuron(static_cast<Index>(place))[i],
                      value_of(held[place], values.first_line(s), i))
                << "part " << own << " reads neuron " << held[place];
          }
        }
      }
      const auto others = static_cast<std::int64_t>(held.size()) - (cuts[own + 1] - cuts[own]);
      EXPECT_EQ(halo.take_bytes_received(),
                others * lines * line_samples * static_cast<std::int64_t>(sizeof(Real)));
    }
  });
}

TEST(Halo, BringsWhatIsReadAndNothingElse) {
  const auto some = [](int part, Index neuron) { return (neuron * 7 + part) % 3 == 0; };
  expect_values({0, 5, 11, 20}, 9, some);
  expect_values({0, 5, 5, 20}, 2, some);  // a part without neurons
  expect_values({0, 20}, 4, some);
}

TEST(Halo, BringsAllOrNothing) {
  expect_values({0, 3, 10}, 5, [](int, Index) { return true; });
  expect_values({0, 3, 10}, 5, [](int, Index) { return false; });
  expect_values({0, 3, 10, 12}, 6, [](int part, Index) { return part == 2; });
}

TEST(Halo, NoSamplesNoMessages) {
  expect_values({0, 3, 10}, 0, [](int, Index) { return true; });
}

}  // namespace
}  // namespace plexus
