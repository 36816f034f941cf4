#include "src/nn/measured_tuning.hpp"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "src/nn/probe_layers.hpp"
#include "src/nn/sparse_layer.hpp"
#include "src/sparse/column_tiles.hpp"
#include "src/support/parallel.hpp"

namespace plexus {

namespace {

constexpr int turns = 5;

// Tunings under which layers always, or never, do what a number of the tuning decides.
constexpr Offset never = std::numeric_limits<Offset>::max();
constexpr KernelTuning never_dense{.dense_density = 2};
constexpr KernelTuning dense{.dense_density = 0};
constexpr KernelTuning near{
    .cached_bytes = never, .near_bytes = never, .dense_density = 2, .tile_run = never};  // without tiles
constexpr KernelTuning far{.cached_bytes = never, .near_bytes = 0, .dense_density = 2, .tile_run = never};
constexpr KernelTuning together{.cached_bytes = never};
constexpr KernelTuning one_by_one{.cached_bytes = 0};

constexpr auto nothing = [](Index, RowRange) {};

/// One thread, and the tuning as it was afterwards.
class Alone {
 public:
  Alone() : threads_(thread_count()), tuning_(kernel_tuning()) { omp_set_num_threads(1); }
  ~Alone() {
    omp_set_num_threads(threads_);
    use_kernel_tuning(tuning_);
  }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;

 private:
  int threads_;
  KernelTuning tuning_;
};

template <class F>
double seconds_of(F&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// How many times longer `a` takes than `b`. The two take turns, so that a disturbance meets both; the least
/// times count. A first turn warms up.
template <class A, class B>
double ratio(A&& a, B&& b) {
  double least_a = std::numeric_limits<double>::infinity();
  double least_b = least_a;
  for (int turn = 0; turn <= turns; ++turn) {
    const double of_a = seconds_of(a);
    const double of_b = seconds_of(b);
    if (turn == 0) continue;
    least_a = std::min(least_a, of_a);
    least_b = std::min(least_b, of_b);
  }
  return least_a / least_b;
}

template <class F>
auto under(const KernelTuning& tuning, F work) {
  return [tuning, work] {
    use_kernel_tuning(tuning);
    work();
  };
}

/// The same of what `work` takes under each tuning.
template <class F>
double ratio(const KernelTuning& a, const KernelTuning& b, F work) {
  return ratio(under(a, work), under(b, work));
}

/// The dense product takes as long for any density; the sparse one grows with it.
/// @param tile_run  as it is for the sparse one
double measured_dense_density(Offset tile_run) {
  constexpr double density = 0.5;
  constexpr Index rows = 96;
  constexpr Index cols = 1024;
  KernelTuning sparse = never_dense;
  sparse.tile_run = tile_run;
  use_kernel_tuning(dense);  // layers are made as it says
  const SparseLayer spread_out = probe_layer(rows, cols, density);
  use_kernel_tuning(sparse);
  const SparseLayer as_stored = probe_layer(rows, cols, density);
  const Slabs x = slabs_of_ones(2 * slab_lines, cols);
  Slabs z;
  return density * ratio(under(dense, [&] { spread_out.forward(x, z, nothing); }),
                         under(sparse, [&] { as_stored.forward(x, z, nothing); }));
}

/// Some size, and how many times longer the way for smaller sizes takes there than the way for larger ones.
struct Contest {
  Offset size;
  double ratio;
};

/// What the second way must gain to be worth taking: it needs more memory, or asks for lines that are there.
constexpr double worthwhile = 0.02;

/// Up to which size the first way should be taken: where least is lost, by all contests together.
/// @param contests  sizes ascending
/// @param least     the answer if the second way is faster everywhere
Offset border(const std::vector<Contest>& contests, Offset least) {
  Offset best = least;
  double best_loss = 0;
  double loss = 0;
  for (const Contest& contest : contests) {
    loss += std::log(contest.ratio) - worthwhile;
    if (loss >= best_loss) continue;
    best = contest.size;
    best_loss = loss;
  }
  return best;
}

constexpr Offset bytes_of_neuron = Offset{slab_lines} * line_samples * static_cast<Offset>(sizeof(Real));

Offset measured_near_bytes() {
  constexpr Offset connections = 40000;
  constexpr Index rows = 160;
  constexpr Offset least = Offset{1} << 20;
  std::vector<Contest> contests;
  use_kernel_tuning(near);  // layers are made as it says
  for (Offset bytes = least; bytes <= Offset{32} << 20; bytes *= 2) {
    const auto cols = static_cast<Index>(bytes / bytes_of_neuron);
    const SparseLayer layer =
        probe_layer(rows, cols, static_cast<double>(connections) / (static_cast<double>(rows) * cols));
    const Slabs x = slabs_of_ones(slab_lines, cols);
    Slabs z;
    contests.push_back({bytes, ratio(near, far, [&] { layer.forward(x, z, nothing); })});
  }
  return border(contests, least / 2);
}

Offset measured_cached_bytes() {
  constexpr Index rows = 512;
  constexpr Offset of_slab = rows * bytes_of_neuron;
  SparseLayer layer = probe_layer(rows, 2 * rows, 0.04);
  const auto sgd = OptimizerRegistry::instance().make("sgd", "optimizer.name", OptimizerConfig{});
  const OptimizerStep step{*sgd, 0.0};
  std::vector<Contest> contests;
  Slabs dx;
  for (Index slabs = 2; slabs * of_slab <= Offset{4} << 20; slabs *= 2) {
    const Slabs x = slabs_of_ones(slabs * slab_lines, layer.cols());
    const Slabs delta = slabs_of_ones(slabs * slab_lines, rows);
    const auto backward = [&] { layer.backward(x, delta, &dx, ExactGradient{1, nullptr, &step}, nothing); };
    contests.push_back({slabs * of_slab, ratio(together, one_by_one, backward)});
  }
  return border(contests, of_slab);
}

Offset measured_tile_run() {
  constexpr Index rows = 512;
  constexpr Index cols = 1024;
  constexpr auto tile_cols = static_cast<double>(ColumnTiles::near_bytes) / bytes_of_neuron;
  constexpr Offset least = 3;
  const Slabs x = slabs_of_ones(2 * slab_lines, cols);
  Slabs z;
  std::vector<Contest> contests;
  for (const Offset run : {least + 1, Offset{6}, Offset{8}, Offset{12}, Offset{16}, Offset{24}}) {
    const double density = (static_cast<double>(run) + 0.5) / tile_cols;
    KernelTuning tiled = near;
    use_kernel_tuning(tiled);
    const SparseLayer whole = probe_layer(rows, cols, density);
    tiled.tile_run = run;
    use_kernel_tuning(tiled);
    const SparseLayer in_tiles = probe_layer(rows, cols, density);
    contests.push_back(
        {run, ratio([&] { whole.forward(x, z, nothing); }, [&] { in_tiles.forward(x, z, nothing); })});
  }
  return border(contests, least) + 1;
}

}  // namespace

KernelTuning measured_kernel_tuning() {
  const Alone alone;
  KernelTuning tuning;
  tuning.cached_bytes = measured_cached_bytes();
  tuning.near_bytes = measured_near_bytes();
  tuning.tile_run = measured_tile_run();
  tuning.dense_density = measured_dense_density(tuning.tile_run);
  return tuning;
}

}  // namespace plexus
