#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "src/sparse/kernels.hpp"
#include "src/sparse/slabs.hpp"
#include "src/support/random_stream.hpp"

namespace plexus {
namespace {

/// A random layer with an empty row, a full row and rows whose length is no multiple of 8.
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
        const bool stored = row == 1 || (row != 0 && stream.uniform(cell, 1) < 0.3);
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

Slabs random_slabs(Index shards, Index neurons, std::uint64_t seed) {
  Slabs slabs;
  slabs.resize(shards, neurons);
  const RandomStream stream(seed, Purpose::weight);
  for (Offset i = 0; i < shards * slabs.stride(); ++i) {
    slabs.data()[i] = static_cast<Real>(stream.normal(static_cast<std::uint64_t>(i)));
  }
  return slabs;
}

ConstSlabView view(const Slabs& slabs) { return {slabs.data(), slabs.stride()}; }

std::vector<Real> by_sample(const Slabs& x, Index padded_cols) {
  std::vector<Real> out(static_cast<std::size_t>(x.shards() * shard_samples * padded_cols), Real{0});
  for (Index s = 0; s < x.shards(); ++s) {
    for (Index i = 0; i < shard_samples; ++i) {
      for (Index col = 0; col < x.neurons(); ++col) {
        out[static_cast<std::size_t>((s * shard_samples + i) * padded_cols + col)] = x.at(s, col)[i];
      }
    }
  }
  return out;
}

/// Everything the kernels compute for one random layer and 1 to 7 shards.
struct Results {
  std::vector<Real> product, dense_product, transposed, fast, dense_fast, bias_fast;
  std::vector<std::int64_t> exact, dense_exact, bias_exact;
  std::vector<std::uint16_t> mask;
  std::vector<Real> masked;
  bool operator==(const Results&) const = default;
};

const FixedPoint unit{0x1p30, 0x1p51};
constexpr std::uint32_t threshold = 1U << 30;

Results run(const Kernels& k, Index shards) {
  const Layer layer;
  const Slabs x = random_slabs(shards, layer.cols, 1);
  const Slabs delta = random_slabs(shards, layer.rows, 2);
  const RowRange all{0, layer.rows};
  const Index padded = 48;
  const auto connections = layer.values.size();
  const auto cells = layer.dense.size();
  const auto rows = static_cast<std::size_t>(layer.rows);
  Slabs y;
  y.resize(shards, layer.rows);
  const auto y_size = static_cast<std::size_t>(shards * y.stride());
  Results r;
  k.sparse_product(layer.csr(), all, layer.bias.data(), view(x), {y.data(), y.stride()}, shards);
  r.product.assign(y.data(), y.data() + y_size);
  k.dense_product({layer.dense.data(), layer.cols}, all, layer.bias.data(), view(x), {y.data(), y.stride()},
                  shards);
  r.dense_product.assign(y.data(), y.data() + y_size);
  Slabs dx;
  dx.resize(shards, layer.cols);
  k.dense_transposed_product({layer.dense.data(), layer.cols}, layer.rows, {0, layer.cols}, view(delta),
                             {dx.data(), dx.stride()}, shards);
  r.transposed.assign(dx.data(), dx.data() + shards * dx.stride());
  r.exact.resize(connections);
  EXPECT_EQ(k.sparse_gradient_exact(layer.csr(), all, view(delta), view(x), shards, unit, r.exact.data()),
            GradientCheck::ok);
  r.fast.resize(connections);
  k.sparse_gradient_fast(layer.csr(), all, view(delta), view(x), shards, r.fast.data());
  AlignedVector<Real> samples;
  const auto plain = by_sample(x, padded);
  samples.assign(plain.begin(), plain.end());
  r.dense_exact.resize(cells);
  EXPECT_EQ(k.dense_gradient_exact(all, layer.cols, view(delta), samples.data(), padded, shards, unit,
                                   r.dense_exact.data()),
            GradientCheck::ok);
  r.dense_fast.resize(cells);
  k.dense_gradient_fast(all, layer.cols, view(delta), samples.data(), padded, shards, r.dense_fast.data());
  r.bias_exact.resize(rows);
  EXPECT_EQ(k.bias_gradient_exact(all, view(delta), shards, unit, r.bias_exact.data()), GradientCheck::ok);
  r.bias_fast.resize(rows);
  k.bias_gradient_fast(all, view(delta), shards, r.bias_fast.data());
  std::vector<NeuronId> ids;
  for (Index row = 0; row < layer.rows; ++row) ids.push_back(row * 3 + (NeuronId{1} << 33));
  std::vector<std::int64_t> sample_ids;
  for (Index i = 0; i < shards * shard_samples; ++i) sample_ids.push_back((std::int64_t{1} << 34) + 7 * i);
  const auto key = RandomStream(9, Purpose::dropout, 1, 2).key();
  r.mask.resize(static_cast<std::size_t>(shards) * rows);
  k.dropout_mask(all, ids.data(), sample_ids.data(), shards, key.data(), threshold, r.mask.data(),
                 layer.rows);
  k.apply_mask(all, r.mask.data(), layer.rows, Real{2}, {y.data(), y.stride()}, shards);
  r.masked.assign(y.data(), y.data() + y_size);
  return r;
}

class EveryInstructionSet : public testing::TestWithParam<const Kernels*> {};

TEST_P(EveryInstructionSet, EqualsThePlainSums) {
  const Layer layer;
  for (Index shards = 1; shards <= 7; ++shards) {
    const Slabs x = random_slabs(shards, layer.cols, 1);
    const Slabs delta = random_slabs(shards, layer.rows, 2);

    const Results got = run(*GetParam(), shards);

    std::size_t p = 0;
    for (Index row = 0; row < layer.rows; ++row) {
      double bias_gradient = 0;
      for (Index s = 0; s < shards; ++s) {
        for (Index i = 0; i < shard_samples; ++i) {
          double sum = layer.bias[static_cast<std::size_t>(row)];
          for (Index col = 0; col < layer.cols; ++col) {
            sum += static_cast<double>(layer.dense[static_cast<std::size_t>(row * layer.cols + col)]) *
                   x.at(s, col)[i];
          }
          const auto at = static_cast<std::size_t>((s * layer.rows + row) * shard_samples + i);
          ASSERT_NEAR(got.product[at], sum, 2e-5) << "row " << row;
          ASSERT_NEAR(got.dense_product[at], sum, 2e-5) << "row " << row;
          bias_gradient += delta.at(s, row)[i];
        }
      }
      ASSERT_NEAR(static_cast<double>(got.bias_exact[static_cast<std::size_t>(row)]) / unit.scale,
                  bias_gradient, 2e-5);
      ASSERT_NEAR(got.bias_fast[static_cast<std::size_t>(row)], bias_gradient, 2e-5);
      for (Index col = 0; col < layer.cols; ++col) {
        double gradient = 0;
        for (Index s = 0; s < shards; ++s) {
          for (Index i = 0; i < shard_samples; ++i) {
            gradient += static_cast<double>(delta.at(s, row)[i]) * x.at(s, col)[i];
          }
        }
        const auto cell = static_cast<std::size_t>(row * layer.cols + col);
        ASSERT_NEAR(static_cast<double>(got.dense_exact[cell]) / unit.scale, gradient, 4e-5);
        ASSERT_NEAR(got.dense_fast[cell], gradient, 4e-5);
        if (p < layer.col_idxs.size() &&
            static_cast<Offset>(p) < layer.row_ptrs[static_cast<std::size_t>(row) + 1] &&
            layer.col_idxs[p] == col) {
          ASSERT_NEAR(static_cast<double>(got.exact[p]) / unit.scale, gradient, 4e-5);
          ASSERT_NEAR(got.fast[p], gradient, 4e-5);
          ++p;
        }
      }
    }
    ASSERT_EQ(p, layer.col_idxs.size());
  }
}

TEST_P(EveryInstructionSet, TransposedDenseProductEqualsThePlainSums) {
  const Layer layer;
  for (Index shards = 1; shards <= 7; ++shards) {
    const Slabs delta = random_slabs(shards, layer.rows, 2);

    const Results got = run(*GetParam(), shards);

    for (Index s = 0; s < shards; ++s) {
      for (Index col = 0; col < layer.cols; ++col) {
        for (Index i = 0; i < shard_samples; ++i) {
          double sum = 0;
          for (Index row = 0; row < layer.rows; ++row) {
            sum += static_cast<double>(layer.dense[static_cast<std::size_t>(row * layer.cols + col)]) *
                   delta.at(s, row)[i];
          }
          ASSERT_NEAR(got.transposed[static_cast<std::size_t>((s * layer.cols + col) * shard_samples + i)],
                      sum, 2e-5);
        }
      }
    }
  }
}

TEST_P(EveryInstructionSet, ExactGradientsDoNotDependOnHowShardsAreSplit) {
  const Layer layer;
  const Index shards = 7;
  const Slabs x = random_slabs(shards, layer.cols, 1);
  const Slabs delta = random_slabs(shards, layer.rows, 2);
  const Kernels& k = *GetParam();
  const Results whole = run(k, shards);

  std::vector<std::int64_t> sum(layer.values.size(), 0);
  for (Index first = 0; first < shards; first += 3) {
    const Index count = std::min<Index>(3, shards - first);
    std::vector<std::int64_t> part(sum.size());
    k.sparse_gradient_exact(layer.csr(), {0, layer.rows}, {delta.shard(first), delta.stride()},
                            {x.shard(first), x.stride()}, count, unit, part.data());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
  }

  EXPECT_EQ(sum, whole.exact);
}

TEST_P(EveryInstructionSet, ReportsGradientsOutOfRangeAndNotFinite) {
  const Layer layer;
  const Slabs delta = random_slabs(2, layer.rows, 2);
  const Kernels& k = *GetParam();
  std::vector<std::int64_t> out(layer.values.size());
  const auto check_of = [&](Real special, FixedPoint fixed) {
    Slabs x = random_slabs(2, layer.cols, 1);
    x.at(1, 36)[15] = special;
    return k.sparse_gradient_exact(layer.csr(), {0, layer.rows}, {delta.data(), delta.stride()},
                                   {x.data(), x.stride()}, 2, fixed, out.data());
  };

  EXPECT_EQ(check_of(1, unit), GradientCheck::ok);
  EXPECT_EQ(check_of(1e9F, unit), GradientCheck::out_of_range);
  EXPECT_EQ(check_of(1e9F, {0x1p10, 0x1p51}), GradientCheck::ok);
  EXPECT_EQ(check_of(std::numeric_limits<Real>::quiet_NaN(), unit), GradientCheck::out_of_range);
  EXPECT_EQ(check_of(std::numeric_limits<Real>::infinity(), unit), GradientCheck::out_of_range);
}

TEST_P(EveryInstructionSet, DropoutMaskIsTheKeyedDraw) {
  const Results got = run(*GetParam(), 2);

  const RandomStream stream(9, Purpose::dropout, 1, 2);
  for (Index s = 0; s < 2; ++s) {
    for (Index row = 0; row < 21; ++row) {
      const auto id = static_cast<std::uint64_t>(row * 3) + (1ULL << 33);
      unsigned expected = 0;
      for (Index i = 0; i < shard_samples; ++i) {
        const auto sample =
            (std::uint64_t{1} << 34) + static_cast<std::uint64_t>(7 * (s * shard_samples + i));
        expected |= (stream.words(sample, id / 4)[id % 4] >= threshold ? 1U : 0U) << i;
      }
      ASSERT_EQ(got.mask[static_cast<std::size_t>(s * 21 + row)], expected) << "row " << row;
    }
  }
}

TEST_P(EveryInstructionSet, MaskScalesWhatIsKeptAndClearsTheRest) {
  const Results got = run(*GetParam(), 3);

  for (std::size_t i = 0; i < got.masked.size(); ++i) {
    const bool kept = (got.mask[i / shard_samples] >> (i % shard_samples) & 1) != 0;
    ASSERT_EQ(got.masked[i], kept ? 2 * got.dense_product[i] : 0) << "value " << i;
  }
}

TEST_P(EveryInstructionSet, SameArithmeticGivesTheSameBits) {
  for (const Kernels* other : available_kernels()) {
    if (std::string(other->arithmetic) != GetParam()->arithmetic) continue;
    for (Index shards : {1, 2, 3, 4, 7}) {
      EXPECT_EQ(run(*GetParam(), shards), run(*other, shards)) << other->name << ", " << shards << " shards";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryInstructionSet, testing::ValuesIn(available_kernels()),
                         [](const auto& set) { return std::string(set.param->name); });

}  // namespace
}  // namespace plexus
