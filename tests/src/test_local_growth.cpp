#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "src/init/erdos_renyi.hpp"
#include "src/rewire/rules/local_growth.hpp"
#include "src/rewire/rules/uniform_growth.hpp"
#include "src/support/error.hpp"
#include "src/support/keyed_sample.hpp"
#include "tests/support/topology_matchers.hpp"
#include "tests/support/with_threads.hpp"

namespace plexus {
namespace {

using Cells = std::vector<std::pair<Index, Index>>;

std::vector<NeuronId> ids(Offset count) {
  std::vector<NeuronId> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), NeuronId{0});
  return all;
}

/// A layer some of whose neurons may be gone.
struct Layer {
  Topology topology;
  std::vector<NeuronId> row_ids;
  std::vector<NeuronId> col_ids;
  Offset original_rows;
  Offset original_cols;

  explicit Layer(Topology whole)
      : topology(std::move(whole)),
        row_ids(ids(topology.rows)),
        col_ids(ids(topology.cols)),
        original_rows(topology.rows),
        original_cols(topology.cols) {}

  [[nodiscard]] LayerBlocks blocks(Offset count) const {
    return {count, original_rows, original_cols, row_ids, col_ids};
  }

  /// Word for word what the config promises.
  [[nodiscard]] bool inside(const std::pair<Index, Index>& cell, Offset count) const {
    const Offset blocks = std::min({count, original_rows, original_cols});
    return row_ids.at(static_cast<std::size_t>(cell.first)) * blocks / original_rows ==
           col_ids.at(static_cast<std::size_t>(cell.second)) * blocks / original_cols;
  }

  [[nodiscard]] Offset count_inside(const Cells& cells, Offset count) const {
    return std::ranges::count_if(cells, [&](const auto& cell) { return inside(cell, count); });
  }

  [[nodiscard]] Cells empty_cells() const {
    const auto taken = cells_of(topology);
    Cells cells;
    for (Index row = 0; row < topology.rows; ++row) {
      for (Index col = 0; col < topology.cols; ++col) {
        if (!taken.contains({row, col})) cells.emplace_back(row, col);
      }
    }
    return cells;
  }
};

Layer random_layer(Index rows, Index cols, double density) {
  return Layer(erdos_renyi(rows, cols, density, RandomStream(1, Purpose::topology)));
}

Cells cells_in(const std::vector<GrownConnection>& grown) {
  Cells cells;
  for (const GrownConnection& connection : grown) {
    EXPECT_EQ(connection.value, 0);
    cells.emplace_back(connection.row, connection.col);
  }
  return cells;
}

Cells grown(const Layer& layer, Offset count, double share, Offset blocks, std::uint64_t seed = 1) {
  const LayerEdit no_edit;
  const KeptConnections kept(layer.topology, no_edit);
  const RandomStream stream(seed, Purpose::growth);
  const RandomStream stream_inside(seed, Purpose::local_growth);
  const LayerBlocks layer_blocks = layer.blocks(blocks);
  const GrowthInside inside{layer_blocks, share, stream_inside};
  return cells_in(LocalGrowth().propose({kept, stream, one_part(), &inside}, count));
}

/// Distinct and in order, and empty before.
void expect_valid(const Cells& cells, const Layer& layer, const std::string& what) {
  const Cells empty = layer.empty_cells();
  EXPECT_TRUE(std::is_sorted(cells.begin(), cells.end())) << what;
  EXPECT_EQ(std::adjacent_find(cells.begin(), cells.end()), cells.end()) << what;
  EXPECT_TRUE(std::includes(empty.begin(), empty.end(), cells.begin(), cells.end())) << what;
}

struct Shape {
  Index rows;
  Index cols;
  double density;
  Offset blocks;
};

const std::vector<Shape> shapes = {{40, 40, 0.2, 8},  {40, 30, 0.3, 7},        {13, 100, 0.1, 5},
                                   {100, 13, 0.9, 5}, {10, 50, 0.2, 64},       {50, 10, 0.2, 64},
                                   {20, 20, 0.3, 1},  {3, 4, 0.5, 2147483647}, {1, 30, 0.3, 4},
                                   {30, 1, 0.3, 4},   {300, 200, 0.4, 16}};

TEST(LocalGrowth, TakesDistinctEmptyCellsInOrder) {
  for (const Shape& s : shapes) {
    const Layer layer = random_layer(s.rows, s.cols, s.density);
    const auto empty = static_cast<Offset>(layer.empty_cells().size());
    for (const double share : {0.01, 0.5, 0.9, 1.0}) {
      for (const Offset count : {Offset{0}, Offset{1}, empty / 3, empty / 2 + 1, empty}) {
        const Cells cells = grown(layer, count, share, s.blocks);

        ASSERT_EQ(static_cast<Offset>(cells.size()), count);
        expect_valid(cells, layer, std::to_string(s.rows) + " rows, share " + std::to_string(share));
      }
    }
  }
}

TEST(LocalGrowth, TakesTheCellsThatTheSamplesName) {
  for (const Shape& s : shapes) {
    const Layer layer = random_layer(s.rows, s.cols, s.density);
    Cells left = layer.empty_cells();
    Cells inside;
    std::ranges::copy_if(left, std::back_inserter(inside),
                         [&](const auto& cell) { return layer.inside(cell, s.blocks); });
    const auto count = static_cast<Offset>(left.size()) / 3;
    const auto count_inside =
        std::min<Offset>(std::llround(0.3 * static_cast<double>(count)), static_cast<Offset>(inside.size()));
    Cells expected;
    for (const Offset number : keyed_sample(RandomStream(1, Purpose::local_growth),
                                            static_cast<Offset>(inside.size()), count_inside)) {
      expected.push_back(inside[number]);
      std::erase(left, inside[number]);
    }
    for (const Offset number : keyed_sample(RandomStream(1, Purpose::growth),
                                            static_cast<Offset>(left.size()), count - count_inside)) {
      expected.push_back(left[number]);
    }
    std::ranges::sort(expected);

    EXPECT_EQ(grown(layer, count, 0.3, s.blocks), expected) << s.rows << " x " << s.cols;
  }
}

TEST(LocalGrowth, GrowsOneShareInsideAndTheOthersAnywhere) {
  const Layer layer = random_layer(120, 200, 0.1);
  const Offset count = 400;

  for (const double share : {0.25, 0.5, 0.75, 0.9}) {
    double inside = 0;
    const int samples = 50;
    for (int seed = 0; seed < samples; ++seed) {
      const Offset found =
          layer.count_inside(grown(layer, count, share, 10, static_cast<std::uint64_t>(seed)), 10);
      EXPECT_GE(found, std::llround(share * count));
      inside += static_cast<double>(found) / samples;
    }
    // The others are drawn among what is left: 120 x 200 cells, 90 % empty, of which a tenth is inside.
    const double drawn = share * count;
    const double others = (count - drawn) * (2160 - drawn) / (21600 - drawn);
    EXPECT_NEAR(inside, drawn + others, 4 * std::sqrt(others / samples) + 0.5) << share;
  }
}

TEST(LocalGrowth, AShareOfOneStaysInside) {
  for (const Shape& s : shapes) {
    const Layer layer = random_layer(s.rows, s.cols, s.density);
    const Offset inside = layer.count_inside(layer.empty_cells(), s.blocks);

    for (const Offset count : {inside / 2, inside}) {
      EXPECT_EQ(layer.count_inside(grown(layer, count, 1, s.blocks), s.blocks), count) << s.rows;
    }
  }
}

TEST(LocalGrowth, WhatBlocksCannotHoldGrowsElsewhere) {
  const Layer layer(topology_of({"xx..", "x...", "..xx", "...x"}));

  EXPECT_EQ(grown(layer, 2, 1, 2), (Cells{{1, 1}, {3, 2}}));
  const Cells cells = grown(layer, 5, 1, 2);
  EXPECT_EQ(cells.size(), 5U);
  EXPECT_EQ(layer.count_inside(cells, 2), 2);
}

TEST(LocalGrowth, FullBlocksLeaveUniformGrowth) {
  const Layer layer(topology_of({"xx..", "xx..", "..xx", "..xx"}));

  const Cells cells = grown(layer, 3, 0.9, 2);

  EXPECT_EQ(cells.size(), 3U);
  expect_valid(cells, layer, "full blocks");
  EXPECT_THROW(grown(layer, 9, 0.9, 2), Fault);
}

TEST(LocalGrowth, NeuronsKeepTheirBlocksWhenOthersGo) {
  Layer layer(topology_of({"....", "....", "...."}));
  layer.row_ids = {0, 4, 5};
  layer.col_ids = {1, 2, 3, 7};
  layer.original_rows = 6;
  layer.original_cols = 8;

  // Of 3 blocks, rows 0 1 | 2 3 | 4 5 and columns 0 1 2 | 3 4 5 | 6 7 belong together.
  EXPECT_EQ(grown(layer, 4, 1, 3), (Cells{{0, 0}, {0, 1}, {1, 3}, {2, 3}}));
}

TEST(LocalGrowth, EachRowHasColumnsAndEachColumnRowsInItsBlock) {
  for (const Shape& s : shapes) {
    const Layer layer = random_layer(s.rows, s.cols, 0);
    std::map<Index, Offset> of_row;
    std::map<Index, Offset> of_col;
    layer.blocks(s.blocks).for_each_row(0, s.rows, [&](Offset row, Index begin, Index end) {
      for (Index col = 0; col < s.cols; ++col) {
        const bool inside = begin <= col && col < end;
        EXPECT_EQ(inside, layer.inside({static_cast<Index>(row), col}, s.blocks)) << row << ' ' << col;
        if (inside) ++of_row[static_cast<Index>(row)];
        if (inside) ++of_col[col];
      }
    });
    EXPECT_EQ(of_row.size(), static_cast<std::size_t>(s.rows));
    EXPECT_EQ(of_col.size(), static_cast<std::size_t>(s.cols));
  }
}

TEST(LocalGrowth, IsUniformGrowthWhereBlocksDoNotMatter) {
  const Layer layer = random_layer(60, 50, 0.3);
  const LayerEdit no_edit;
  const KeptConnections kept(layer.topology, no_edit);
  const RandomStream stream(5, Purpose::growth);

  for (const Offset count : {0, 1, 300, 2000}) {
    const auto expected = UniformGrowth().propose({kept, stream}, count);
    EXPECT_EQ(LocalGrowth().propose({kept, stream}, count), expected);
    EXPECT_EQ(grown(layer, count, 1e-9, 8, 5), cells_in(expected)) << "no cell inside is wanted";
  }
}

TEST(LocalGrowth, TheNumberOfThreadsChangesNothing) {
  const Layer layer = random_layer(2000, 300, 0.3);
  const Cells expected = grown(layer, 60000, 0.3, 6);

  for (const int threads : thread_counts) {
    EXPECT_EQ(with_threads(threads, [&] { return grown(layer, 60000, 0.3, 6); }), expected) << threads;
  }
}

/// (chi-square - cells) in standard deviations, for `hits` of cells that are all as likely, `chosen` of them
/// at a time.
double deviation(const std::vector<double>& hits, double samples, double chosen) {
  const auto cells = static_cast<double>(hits.size());
  const double expected = samples * chosen / cells;
  double chi_square = 0;
  for (const double hit : hits) {
    chi_square += std::pow(hit - expected, 2) / (expected * (1 - chosen / cells));
  }
  return (chi_square - cells) / std::sqrt(2 * cells);
}

TEST(LocalGrowth, CellsInsideAreAsLikelyAndSoAreThoseOutside) {
  const Offset blocks = 4;
  const Layer layer = random_layer(20, 28, 0.3);
  const Cells empty = layer.empty_cells();
  const int samples = 4000;
  const Offset count = 20;
  std::map<std::pair<Index, Index>, double> hits;
  for (const auto& cell : empty) hits[cell] = 0;

  for (int seed = 0; seed < samples; ++seed) {
    for (const auto& cell : grown(layer, count, 0.6, blocks, static_cast<std::uint64_t>(seed))) ++hits[cell];
  }

  std::vector<double> inside;
  std::vector<double> outside;
  for (const auto& [cell, hit] : hits) (layer.inside(cell, blocks) ? inside : outside).push_back(hit);
  ASSERT_EQ(inside.size() + outside.size(), empty.size());
  const auto chosen = [&](const std::vector<double>& of) {
    return std::accumulate(of.begin(), of.end(), 0.0) / samples;
  };
  EXPECT_NEAR(deviation(inside, samples, chosen(inside)), 0, 4);
  EXPECT_NEAR(deviation(outside, samples, chosen(outside)), 0, 4);
  EXPECT_NEAR(chosen(outside),
              8.0 * static_cast<double>(outside.size()) / (static_cast<double>(empty.size()) - 12), 0.1);
}

}  // namespace
}  // namespace plexus
