#include "src/parts/halo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "mpi/rank_parts.hpp"
#include "tests/support/run_ranks.hpp"

namespace plexus {
namespace {

/// What neuron `neuron` has for a sample of `line`.
Real value_of(Index neuron, Index line, Index sample) {
  return static_cast<Real>(neuron * 1000 + line * line_samples + sample);
}

/// Own values become known in blocks of this many neurons.
constexpr Index block = 3;

/// One round of `halo`, whose own neurons `own` are computed slab after slab, or block after block.
void round_of(Halo& halo, Slabs& values, RowRange own, Index lines, Halo::Pieces pieces) {
  halo.begin(values, lines, slab_lines, pieces);
  const auto compute = [&](Index s, Index first) {
    const RowRange neurons{first, std::min(own.end - own.begin, first + block)};
    const SlabView slab = values.own(s);
    for (Index n = neurons.begin; n < neurons.end; ++n) {
      for (Index i = 0; i < slab.lines * line_samples; ++i)
        slab.neuron(n)[i] = value_of(own.begin + n, values.first_line(s), i);
    }
    halo.ready(s, neurons);
    static_cast<void>(halo.poll());
  };
  const Index count = own.end - own.begin;
  if (pieces == Halo::Pieces::slabs) {
    for (Index s = 0; s < values.slabs(); ++s) {
      for (Index first = 0; first < count; first += block) compute(s, first);
    }
  } else {
    for (Index first = 0; first < count; first += block) {
      for (Index s = 0; s < values.slabs(); ++s) compute(s, first);
    }
  }
}

void expect_slabs(Slabs& values, Index slab_end, const std::vector<Index>& held) {
  ASSERT_EQ(values.neurons(), static_cast<Index>(held.size()));
  for (Index s = 0; s < slab_end; ++s) {
    const SlabView slab = values.slab(s);
    for (std::size_t place = 0; place < held.size(); ++place) {
      for (Index i = 0; i < slab.lines * line_samples; ++i) {
        ASSERT_EQ(slab.neuron(static_cast<Index>(place))[i], value_of(held[place], values.first_line(s), i))
            << "neuron " << held[place] << " in slab " << s;
      }
    }
  }
}

/// Every part holds its own neurons and those that `reads` says; each value is to be its neuron's.
template <class Reads>
void expect_values(const std::vector<Index>& cuts, Index lines, Reads&& reads) {
  run_ranks(static_cast<int>(cuts.size()) - 1, [&](DistributedContext& ctx) {
    RankParts parts(ctx);
    const auto part = static_cast<std::size_t>(ctx.rank());
    const RowRange own{cuts[part], cuts[part + 1]};
    std::vector<Index> held;
    for (Index neuron = 0; neuron < cuts.back(); ++neuron) {
      if ((neuron >= own.begin && neuron < own.end) || reads(ctx.rank(), neuron)) held.push_back(neuron);
    }
    Halo halo(parts, cuts, held);
    Slabs values;
    const auto others = static_cast<std::int64_t>(held.size()) - (own.end - own.begin);
    const std::int64_t expected_bytes =
        others * lines * line_samples * static_cast<std::int64_t>(sizeof(Real));
    for (const auto pieces : {Halo::Pieces::slabs, Halo::Pieces::some_of_a_slab, Halo::Pieces::slabs}) {
      round_of(halo, values, own, lines, pieces);
      for (Index slab_end = 1; slab_end <= values.slabs(); ++slab_end) {
        halo.wait(slab_end);
        expect_slabs(values, slab_end, held);
      }
      halo.finish();
      std::fill_n(values.data(), values.size(), Real{-1});
      EXPECT_EQ(halo.take_bytes_received(), expected_bytes);
    }
    round_of(halo, values, own, lines, Halo::Pieces::slabs);
    halo.exchange(values);
    expect_slabs(values, values.slabs(), held);
    halo.finish();
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

TEST(Halo, CutsManyNeuronsIntoPieces) {
  const auto some = [](int part, Index neuron) { return (neuron * 7 + part) % 3 == 0; };
  expect_values({0, 300, 330, 800}, 9, some);
  expect_values({0, 300, 330, 800}, 3, some);
  expect_values({0, 300, 330, 800}, 9, [](int part, Index neuron) { return part > 0 || neuron < 500; });
}

TEST(Halo, NoSamplesNoMessages) {
  expect_values({0, 3, 10}, 0, [](int, Index) { return true; });
}

}  // namespace
}  // namespace plexus
