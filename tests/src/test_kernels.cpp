#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "src/sparse/kernels.hpp"
#include "src/sparse/slabs.hpp"
#include "src/support/random_stream.hpp"

namespace plexus {
namespace {

/// A random layer with an empty row, a full row, a column that is full but for the empty row, and rows and
/// columns whose length is no multiple of 8.
struct Layer {
  Index rows = 21;
  Index cols = 37;
  std::vector<Offset> row_ptrs = {0};
  std::vector<Index> col_idxs;
  std::vector<Real> values;
  std::vector<Real> dense;
  std::vector<Real> bias;

  Layer() : dense(static_cast<std::size_t>(rows * cols), Real{0}) {
    const RandomStream stream(5, Purpose::weight);
    for (Index row = 0; row < rows; ++row) {
      bias.push_back(static_cast<Real>(stream.normal(static_cast<std::uint64_t>(row), 99)));
      for (Index col = 0; col < cols; ++col) {
        const auto cell = static_cast<std::uint64_t>(row * cols + col);
        const bool stored = row == 1 || (row != 0 && (col == 2 || stream.uniform(cell, 1) < 0.3));
        if (!stored) continue;
        col_idxs.push_back(col);
        values.push_back(static_cast<Real>(stream.normal(cell)));
        dense[cell] = values.back();
      }
      row_ptrs.push_back(static_cast<Offset>(col_idxs.size()));
    }
  }
  [[nodiscard]] CsrView csr() const { return {row_ptrs.data(), col_idxs.data(), values.data()}; }
};

/// The pattern and weights of a layer column by column, with the place of each connection in CSR order.
struct ByColumn {
  std::vector<Offset> col_ptrs = {0};
  std::vector<Index> row_idxs;
  std::vector<Real> values;
  std::vector<std::size_t> sources;

  explicit ByColumn(const Layer& layer) {
    for (Index col = 0; col < layer.cols; ++col) {
      for (Index row = 0; row < layer.rows; ++row) {
        for (auto p = static_cast<std::size_t>(layer.row_ptrs[static_cast<std::size_t>(row)]);
             p < static_cast<std::size_t>(layer.row_ptrs[static_cast<std::size_t>(row) + 1]); ++p) {
          if (layer.col_idxs[p] != col) continue;
          row_idxs.push_back(row);
          values.push_back(layer.values[p]);
          sources.push_back(p);
        }
      }
      col_ptrs.push_back(static_cast<Offset>(row_idxs.size()));
    }
  }
  [[nodiscard]] CsrView csr() const { return {col_ptrs.data(), row_idxs.data(), values.data()}; }
};

Offset samples_of(const Slabs& slabs) { return Offset{slabs.lines()} * line_samples; }

Slabs random_slabs(Index lines, Index neurons, std::uint64_t seed) {
  Slabs slabs;
  slabs.resize(lines, neurons);
  const RandomStream stream(seed, Purpose::weight);
  for (Offset sample = 0; sample < samples_of(slabs); ++sample) {
    for (Index neuron = 0; neuron < neurons; ++neuron) {
      slabs.at(sample, neuron) = static_cast<Real>(
          stream.normal(static_cast<std::uint64_t>(sample), static_cast<std::uint64_t>(neuron)));
    }
  }
  return slabs;
}

std::vector<Real> values_of(const Slabs& slabs) { return {slabs.data(), slabs.data() + slabs.size()}; }

AlignedVector<Real> by_sample(const Slabs& x, Index padded_cols) {
  AlignedVector<Real> out(static_cast<std::size_t>(x.lines() * line_samples * padded_cols), Real{0});
  for (Offset sample = 0; sample < samples_of(x); ++sample) {
    for (Index col = 0; col < x.neurons(); ++col)
      out[static_cast<std::size_t>(sample * padded_cols + col)] = x.at(sample, col);
  }
  return out;
}

constexpr double scale = 0x1p30;
constexpr std::uint32_t threshold = 1U << 30;
constexpr Index most_lines = 9;  ///< two whole slabs and a part of one

/// Everything the kernels compute for one random layer. Sparse gradients are in CSR order.
struct Results {
  std::vector<Real> product, dense_product, transposed, dense_transposed, fast, dense_fast, bias_fast;
  std::vector<std::int64_t> exact, exact_without_dx, dense_exact, bias_exact;
  std::vector<std::uint16_t> mask;
  std::vector<Real> masked, magnitudes;
};

std::vector<NeuronId> neuron_ids(Index rows) {
  std::vector<NeuronId> ids;
  for (Index row = 0; row < rows; ++row) ids.push_back(row * 3 + (NeuronId{1} << 33));
  return ids;
}

Results run(const Kernels& k, Index lines) {
  const Layer layer;
  const ByColumn columns(layer);
  const Slabs x = random_slabs(lines, layer.cols, 1);
  const Slabs delta = random_slabs(lines, layer.rows, 2);
  const RowRange rows{0, layer.rows};
  const RowRange cols{0, layer.cols};
  const DenseView dense{layer.dense.data(), layer.cols};
  const Index padded = 48;
  const auto samples = by_sample(x, padded);
  const auto ids = neuron_ids(layer.rows);
  std::vector<std::int64_t> sample_ids;
  for (Index i = 0; i < lines * line_samples; ++i) sample_ids.push_back((std::int64_t{1} << 34) + 7 * i);
  const auto key = RandomStream(9, Purpose::dropout, 1, 2).key();
  const auto connections = layer.values.size();
  std::vector<std::int64_t> exact(connections);
  std::vector<Real> fast(connections);
  Results r;
  r.exact_without_dx.resize(connections);
  r.dense_exact.resize(layer.dense.size());
  r.dense_fast.resize(layer.dense.size());
  r.bias_exact.resize(static_cast<std::size_t>(layer.rows));
  r.bias_fast.resize(static_cast<std::size_t>(layer.rows));
  r.mask.resize(static_cast<std::size_t>(lines * layer.rows));
  r.magnitudes.assign(static_cast<std::size_t>(x.shards()), Real{0});
  Slabs y;
  Slabs dense_y;
  Slabs dx;
  Slabs dense_dx;
  y.resize(lines, layer.rows);
  dense_y.resize(lines, layer.rows);
  dx.resize(lines, layer.cols);
  dense_dx.resize(lines, layer.cols);
  for (Index s = 0; s < x.slabs(); ++s) {
    const Output output = s == 0 ? Output::set : Output::add;
    const Reach reach = s == 0 ? Reach::near : Reach::far;  // makes no difference to what is computed
    const Offset first_sample = static_cast<Offset>(s) * slab_lines * line_samples;
    std::uint16_t* mask = r.mask.data() + static_cast<Offset>(s) * slab_lines * layer.rows;
    CsrView of_rows = layer.csr();
    of_rows.values += layer.row_ptrs[static_cast<std::size_t>(rows.begin)];
    k.sparse_product(of_rows, rows, layer.bias.data(), x.slab(s), y.slab(s), reach);
    k.dense_product(dense, rows, layer.bias.data(), x.slab(s), dense_y.slab(s));
    k.dense_transposed_product(dense, layer.rows, cols, delta.slab(s), dense_dx.slab(s));
    k.sparse_backward_exact(columns.csr(), cols, delta.slab(s), x.slab(s), dx.slab(s), reach, scale, output,
                            exact.data());
    k.sparse_backward_exact(columns.csr(), cols, delta.slab(s), x.slab(s), {nullptr, 0}, reach, scale, output,
                            r.exact_without_dx.data());
    k.sparse_backward_fast(columns.csr(), cols, delta.slab(s), x.slab(s), {nullptr, 0}, reach, output,
                           fast.data());
    k.dense_gradient_exact(rows, layer.cols, delta.slab(s), samples.data() + first_sample * padded, padded,
                           scale, output, r.dense_exact.data());
    k.dense_gradient_fast(rows, layer.cols, delta.slab(s), samples.data() + first_sample * padded, padded,
                          output, r.dense_fast.data());
    k.bias_gradient_exact(rows, delta.slab(s), scale, output, r.bias_exact.data());
    k.bias_gradient_fast(rows, delta.slab(s), output, r.bias_fast.data());
    k.dropout_mask(rows, ids.data(), sample_ids.data() + first_sample, x.slab(s).lines, key.data(), threshold,
                   mask);
    k.largest_magnitudes(rows, dense_y.slab(s), r.magnitudes.data() + x.first_shard(s));
  }
  r.product = values_of(y);
  r.dense_product = values_of(dense_y);
  r.transposed = values_of(dx);
  r.dense_transposed = values_of(dense_dx);
  for (Index s = 0; s < x.slabs(); ++s) {
    k.apply_mask(rows, r.mask.data() + static_cast<Offset>(s) * slab_lines * layer.rows, Real{2}, y.slab(s));
  }
  r.masked = values_of(y);
  r.exact.resize(connections);
  r.fast.resize(connections);
  for (std::size_t p = 0; p < connections; ++p) {
    r.exact[columns.sources[p]] = exact[p];
    r.fast[columns.sources[p]] = fast[p];
  }
  std::vector<std::int64_t> reordered(connections);
  for (std::size_t p = 0; p < connections; ++p) reordered[columns.sources[p]] = r.exact_without_dx[p];
  r.exact_without_dx = reordered;
  return r;
}

/// Where a value stands in `values_of`.
std::size_t place(Slabs& slabs, Offset sample, Index neuron) {
  return static_cast<std::size_t>(&slabs.at(sample, neuron) - slabs.data());
}

class EveryInstructionSet : public testing::TestWithParam<const Kernels*> {};

TEST_P(EveryInstructionSet, ProductsEqualThePlainSums) {
  const Layer layer;
  for (Index lines = 1; lines <= most_lines; ++lines) {
    Slabs x = random_slabs(lines, layer.cols, 1);
    Slabs delta = random_slabs(lines, layer.rows, 2);

    const Results got = run(*GetParam(), lines);

    const auto weight = [&](Index row, Index col) {
      return static_cast<double>(layer.dense[static_cast<std::size_t>(row * layer.cols + col)]);
    };
    for (Offset sample = 0; sample < samples_of(x); ++sample) {
      for (Index row = 0; row < layer.rows; ++row) {
        double sum = layer.bias[static_cast<std::size_t>(row)];
        for (Index col = 0; col < layer.cols; ++col) sum += weight(row, col) * x.at(sample, col);
        ASSERT_NEAR(got.product[place(delta, sample, row)], sum, 2e-5) << "row " << row;
        ASSERT_NEAR(got.dense_product[place(delta, sample, row)], sum, 2e-5) << "row " << row;
      }
      for (Index col = 0; col < layer.cols; ++col) {
        double sum = 0;
        for (Index row = 0; row < layer.rows; ++row) sum += weight(row, col) * delta.at(sample, row);
        ASSERT_NEAR(got.transposed[place(x, sample, col)], sum, 2e-5) << "column " << col;
        ASSERT_NEAR(got.dense_transposed[place(x, sample, col)], sum, 2e-5) << "column " << col;
      }
    }
  }
}

TEST_P(EveryInstructionSet, GradientsEqualThePlainSums) {
  const Layer layer;
  for (Index lines = 1; lines <= most_lines; ++lines) {
    const Slabs x = random_slabs(lines, layer.cols, 1);
    const Slabs delta = random_slabs(lines, layer.rows, 2);

    const Results got = run(*GetParam(), lines);

    std::size_t p = 0;
    for (Index row = 0; row < layer.rows; ++row) {
      double bias_gradient = 0;
      for (Offset sample = 0; sample < samples_of(delta); ++sample) bias_gradient += delta.at(sample, row);
      const auto r = static_cast<std::size_t>(row);
      ASSERT_NEAR(static_cast<double>(got.bias_exact[r]) / scale, bias_gradient, 2e-5);
      ASSERT_NEAR(got.bias_fast[r], bias_gradient, 2e-5);
      for (Index col = 0; col < layer.cols; ++col) {
        double gradient = 0;
        for (Offset sample = 0; sample < samples_of(x); ++sample)
          gradient += static_cast<double>(delta.at(sample, row)) * x.at(sample, col);
        const auto cell = static_cast<std::size_t>(row * layer.cols + col);
        ASSERT_NEAR(static_cast<double>(got.dense_exact[cell]) / scale, gradient, 4e-5);
        ASSERT_NEAR(got.dense_fast[cell], gradient, 4e-5);
        if (p < layer.col_idxs.size() && static_cast<Offset>(p) < layer.row_ptrs[r + 1] &&
            layer.col_idxs[p] == col) {
          ASSERT_NEAR(static_cast<double>(got.exact[p]) / scale, gradient, 4e-5);
          ASSERT_NEAR(got.fast[p], gradient, 4e-5);
          ++p;
        }
      }
    }
    ASSERT_EQ(p, layer.col_idxs.size());
    EXPECT_EQ(got.exact, got.exact_without_dx);
  }
}

std::vector<std::uint32_t> bits_of(const Slabs& slabs) {
  static_assert(sizeof(Real) == sizeof(std::uint32_t));
  std::vector<std::uint32_t> bits(static_cast<std::size_t>(slabs.size()));
  std::memcpy(bits.data(), slabs.data(), bits.size() * sizeof(std::uint32_t));
  return bits;
}

/// Cells of a rows x cols matrix and its pattern, in which every cell is stored.
struct FullMatrix {
  std::vector<Offset> row_ptrs = {0};
  std::vector<Index> col_idxs;
  std::vector<Real> values;

  FullMatrix(Index rows, Index cols) {
    const RandomStream stream(6, Purpose::weight);
    for (Index row = 0; row < rows; ++row) {
      for (Index col = 0; col < cols; ++col) {
        col_idxs.push_back(col);
        values.push_back(static_cast<Real>(stream.normal(static_cast<std::uint64_t>(row * cols + col))));
      }
      row_ptrs.push_back(static_cast<Offset>(col_idxs.size()));
    }
  }
};

TEST_P(EveryInstructionSet, DenseProductsHaveTheBitsOfSparseOnes) {
  constexpr Index cols = 29;
  const Kernels& k = *GetParam();
  for (Index rows = 1; rows <= 14; ++rows) {  // every remainder of a block of rows
    const FullMatrix w(rows, cols);
    const std::vector<Real> bias(static_cast<std::size_t>(rows), Real{0.25});
    for (Index lines = 1; lines <= slab_lines; ++lines) {
      const Slabs x = random_slabs(lines, cols, 1);
      const Slabs delta = random_slabs(lines, rows, 2);
      const CsrView csr{w.row_ptrs.data(), w.col_idxs.data(), w.values.data()};
      const DenseView dense{w.values.data(), cols};
      Slabs y;
      Slabs dense_y;
      Slabs dx;
      Slabs dense_dx;
      for (Slabs* out : {&y, &dense_y}) out->resize(lines, rows);
      for (Slabs* out : {&dx, &dense_dx}) out->resize(lines, cols);

      k.sparse_product(csr, {0, rows}, bias.data(), x.slab(0), y.slab(0), Reach::near);
      k.dense_product(dense, {0, rows}, bias.data(), x.slab(0), dense_y.slab(0));
      // W^T delta by the forward kernel: the layer of `cols` rows whose weights are W^T
      std::vector<Real> transposed(w.values.size());
      for (Index row = 0; row < rows; ++row) {
        for (Index col = 0; col < cols; ++col)
          transposed[static_cast<std::size_t>(col * rows + row)] =
              w.values[static_cast<std::size_t>(row * cols + col)];
      }
      k.dense_product({transposed.data(), rows}, {0, cols}, nullptr, delta.slab(0), dx.slab(0));
      k.dense_transposed_product(dense, rows, {0, cols}, delta.slab(0), dense_dx.slab(0));

      ASSERT_EQ(bits_of(y), bits_of(dense_y)) << rows << " rows, " << lines << " lines";
      ASSERT_EQ(bits_of(dx), bits_of(dense_dx)) << rows << " rows, " << lines << " lines";
    }
  }
}

/// Lines [first, first + count) of `slabs`.
Slabs part_of(const Slabs& slabs, Index first, Index count) {
  Slabs part;
  part.resize(count, slabs.neurons());
  for (Offset sample = 0; sample < samples_of(part); ++sample) {
    for (Index neuron = 0; neuron < slabs.neurons(); ++neuron)
      part.at(sample, neuron) = slabs.at(Offset{first} * line_samples + sample, neuron);
  }
  return part;
}

TEST_P(EveryInstructionSet, TilesOfColumnsMakeTheBitsOfWholeRows) {
  const Kernels& k = *GetParam();
  const Layer layer;
  constexpr Index tile_cols = 16;
  for (Index lines = 1; lines <= slab_lines; ++lines) {
    const Slabs x = random_slabs(lines, layer.cols, 1);
    Slabs expected;
    Slabs y;
    expected.resize(lines, layer.rows);
    y.resize(lines, layer.rows);
    k.sparse_product(layer.csr(), {0, layer.rows}, layer.bias.data(), x.slab(0), expected.slab(0),
                     Reach::near);
    for (Index first = 0; first < layer.cols; first += tile_cols) {
      std::vector<std::uint8_t> rows;
      std::vector<std::uint16_t> counts;
      std::vector<std::uint16_t> cols;
      std::vector<Real> values;
      for (Index i = 0; i < layer.rows; ++i) {
        const auto row = static_cast<std::size_t>((layer.rows - 1 - i + first) % layer.rows);  // in any order
        rows.push_back(static_cast<std::uint8_t>(row));
        counts.push_back(0);
        for (auto p = static_cast<std::size_t>(layer.row_ptrs[row]);
             p < static_cast<std::size_t>(layer.row_ptrs[row + 1]); ++p) {
          const Index col = layer.col_idxs[p] - first;
          if (col < 0 || col >= tile_cols) continue;
          ++counts.back();
          cols.push_back(static_cast<std::uint16_t>(col));
          values.push_back(layer.values[p]);
        }
      }
      ASSERT_EQ(std::set(rows.begin(), rows.end()).size(), rows.size());
      k.sparse_product_of_tile({rows.data(), counts.data(), cols.data(), values.data()}, layer.rows,
                               first == 0 ? layer.bias.data() : nullptr, {x.slab(0).neuron(first), lines},
                               y.slab(0), first % 32 == 0 ? Reach::near : Reach::far);
    }
    EXPECT_EQ(values_of(y), values_of(expected)) << lines << " lines";
  }
}

TEST_P(EveryInstructionSet, NothingExactDependsOnHowShardsAreSplit) {
  const Layer layer;
  const ByColumn columns(layer);
  const Index padded = 48;
  Slabs x = random_slabs(most_lines, layer.cols, 1);
  Slabs delta = random_slabs(most_lines, layer.rows, 2);
  const Kernels& k = *GetParam();
  const Results whole = run(k, most_lines);

  std::vector<std::int64_t> sum(layer.values.size(), 0);
  std::vector<std::int64_t> dense_sum(layer.dense.size(), 0);
  std::vector<std::int64_t> bias_sum(static_cast<std::size_t>(layer.rows), 0);
  for (Index first = 0; first < most_lines; first += shard_lines) {
    const Index count = std::min(shard_lines, most_lines - first);
    const Slabs x_part = part_of(x, first, count);
    const Slabs delta_part = part_of(delta, first, count);
    Slabs y;
    Slabs dx;
    y.resize(count, layer.rows);
    dx.resize(count, layer.cols);
    k.sparse_product(layer.csr(), {0, layer.rows}, layer.bias.data(), x_part.slab(0), y.slab(0), Reach::near);
    k.sparse_backward_exact(columns.csr(), {0, layer.cols}, delta_part.slab(0), x_part.slab(0), dx.slab(0),
                            Reach::near, scale, Output::add, sum.data());
    k.dense_gradient_exact({0, layer.rows}, layer.cols, delta_part.slab(0), by_sample(x_part, padded).data(),
                           padded, scale, Output::add, dense_sum.data());
    k.bias_gradient_exact({0, layer.rows}, delta_part.slab(0), scale, Output::add, bias_sum.data());
    Real largest = 0;
    k.largest_magnitudes({0, layer.rows}, y.slab(0), &largest);
    EXPECT_EQ(largest, whole.magnitudes[static_cast<std::size_t>(first / shard_lines)]);
    for (Offset sample = 0; sample < samples_of(x_part); ++sample) {
      const Offset of_all = Offset{first} * line_samples + sample;
      for (Index row = 0; row < layer.rows; ++row)
        ASSERT_EQ(y.at(sample, row), whole.product[place(delta, of_all, row)]);
      for (Index col = 0; col < layer.cols; ++col)
        ASSERT_EQ(dx.at(sample, col), whole.transposed[place(x, of_all, col)]);
    }
  }

  for (std::size_t p = 0; p < sum.size(); ++p) EXPECT_EQ(sum[p], whole.exact[columns.sources[p]]);
  EXPECT_EQ(dense_sum, whole.dense_exact);
  EXPECT_EQ(bias_sum, whole.bias_exact);
}

TEST_P(EveryInstructionSet, RangesOfColumnsGiveWhatAllColumnsGive) {
  const Layer layer;
  const ByColumn columns(layer);
  const Slabs x = random_slabs(4, layer.cols, 1);
  const Slabs delta = random_slabs(4, layer.rows, 2);
  const Results whole = run(*GetParam(), 4);

  std::vector<std::int64_t> gradient(layer.values.size());
  for (const RowRange cols : {RowRange{0, 5}, RowRange{5, 6}, RowRange{6, layer.cols}}) {
    GetParam()->sparse_backward_exact(
        columns.csr(), cols, delta.slab(0), x.slab(0), {nullptr, 0}, Reach::near, scale, Output::set,
        gradient.data() + columns.col_ptrs[static_cast<std::size_t>(cols.begin)]);
  }

  for (std::size_t p = 0; p < gradient.size(); ++p) EXPECT_EQ(gradient[p], whole.exact[columns.sources[p]]);
}

TEST_P(EveryInstructionSet, FindsTheLargestMagnitudes) {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  for (const Index lines : {shard_lines + 1, slab_lines}) {
    for (Index sample = 0; sample < lines * line_samples; ++sample) {
      Slabs values = random_slabs(lines, 5, 4);
      const std::size_t shard = sample < shard_samples ? 0 : 1;
      std::vector<Real> largest = {0, 0};
      std::vector<Real> infinite = {0, 0};
      std::vector<Real> with_more = {200, 200};

      values.at(sample, 3) = -100;
      GetParam()->largest_magnitudes({0, 5}, values.slab(0), largest.data());
      GetParam()->largest_magnitudes({0, 5}, values.slab(0), with_more.data());
      values.at(sample, 4) = sample % 2 == 0 ? std::numeric_limits<Real>::quiet_NaN() : -infinity;
      GetParam()->largest_magnitudes({0, 5}, values.slab(0), infinite.data());
      std::vector<Real> of_others = {0, 0};
      GetParam()->largest_magnitudes({0, 3}, values.slab(0), of_others.data());

      EXPECT_EQ(largest[shard], 100);
      EXPECT_LT(largest[1 - shard], 6);
      EXPECT_EQ(with_more, (std::vector<Real>{200, 200}));
      EXPECT_EQ(infinite[shard], infinity);
      EXPECT_LT(of_others[shard], 6);
    }
  }
}

TEST_P(EveryInstructionSet, TransposesSamples) {
  const Index features = 21;  // no multiple of what is transposed at a time
  std::vector<float> data;
  for (int i = 0; i < slab_lines * line_samples * features; ++i) data.push_back(static_cast<float>(i) + 0.5F);
  constexpr Index first_feature = 3;
  for (const Index lines : {Index{1}, Index{3}, slab_lines}) {
    // Lane 20 is that of no sample: its line has some, the others all of theirs.
    std::vector<const float*> samples;
    for (Index lane = 0; lane < lines * line_samples; ++lane)
      samples.push_back(lane == 20 ? nullptr : data.data() + lane * features);
    Slabs x = random_slabs(lines, features - first_feature, 1);

    GetParam()->transpose_samples(samples.data(), {first_feature, features}, x.slab(0));

    for (Index f = first_feature; f < features; ++f) {
      for (Index lane = 0; lane < lines * line_samples; ++lane) {
        const Real expected = lane == 20 ? Real{0} : static_cast<Real>(lane * features + f) + Real{0.5};
        ASSERT_EQ(x.slab(0).neuron(f - first_feature)[lane], expected) << "feature " << f;
      }
    }
  }
}

TEST_P(EveryInstructionSet, DropoutMaskIsTheKeyedDraw) {
  const Results got = run(*GetParam(), 5);

  const RandomStream stream(9, Purpose::dropout, 1, 2);
  for (Index line = 0; line < 5; ++line) {
    const Index lines = line < slab_lines ? slab_lines : 1;
    for (Index row = 0; row < 21; ++row) {
      const auto id = static_cast<std::uint64_t>(row * 3) + (1ULL << 33);
      unsigned expected = 0;
      for (Index i = 0; i < line_samples; ++i) {
        const auto sample =
            (std::uint64_t{1} << 34) + static_cast<std::uint64_t>(7 * (line * line_samples + i));
        expected |= (stream.words(sample, id / 4)[id % 4] >= threshold ? 1U : 0U) << i;
      }
      const Index at = line / slab_lines * slab_lines * 21 + row * lines + line % slab_lines;
      ASSERT_EQ(got.mask[static_cast<std::size_t>(at)], expected) << "row " << row;
    }
  }
}

TEST_P(EveryInstructionSet, MaskScalesWhatIsKeptAndClearsTheRest) {
  const Results got = run(*GetParam(), 6);

  for (std::size_t i = 0; i < got.masked.size(); ++i) {
    const bool kept = (got.mask[i / line_samples] >> (i % line_samples) & 1) != 0;
    ASSERT_EQ(got.masked[i], kept ? 2 * got.product[i] : 0) << "value " << i;
  }
}

TEST_P(EveryInstructionSet, SameArithmeticGivesTheSameBits) {
  for (const Kernels* other : available_kernels()) {
    if (std::string(other->arithmetic) != GetParam()->arithmetic) continue;
    for (Index lines = 1; lines <= most_lines; ++lines) {
      SCOPED_TRACE(std::string(other->name) + ", " + std::to_string(lines) + " lines");
      const Results a = run(*GetParam(), lines);
      const Results b = run(*other, lines);
      EXPECT_EQ(a.product, b.product);
      EXPECT_EQ(a.dense_product, b.dense_product);
      EXPECT_EQ(a.transposed, b.transposed);
      EXPECT_EQ(a.dense_transposed, b.dense_transposed);
      EXPECT_EQ(a.exact, b.exact);
      EXPECT_EQ(a.dense_exact, b.dense_exact);
      EXPECT_EQ(a.bias_exact, b.bias_exact);
      EXPECT_EQ(a.mask, b.mask);
      EXPECT_EQ(a.masked, b.masked);
      EXPECT_EQ(a.magnitudes, b.magnitudes);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryInstructionSet, testing::ValuesIn(available_kernels()),
                         [](const auto& set) { return std::string(set.param->name); });

}  // namespace
}  // namespace plexus
