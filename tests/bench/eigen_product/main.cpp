// Times Eigen's product of a random sparse matrix and a dense one, samples side by side, compiled for one
// instruction set: templates of one program cannot be compiled for several. Prints JSON, as scipy_product.py
// does.
#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/SparseCore>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using Sparse = Eigen::SparseMatrix<float, Eigen::RowMajor, int>;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Sparse random_matrix(int neurons, double density) {
  std::mt19937_64 random(1);
  std::bernoulli_distribution stored(density);
  std::normal_distribution<float> value;
  Sparse matrix(neurons, neurons);
  for (int row = 0; row < neurons; ++row) {
    for (int col = 0; col < neurons; ++col) {
      if (stored(random)) matrix.insert(row, col) = value(random);
    }
  }
  matrix.makeCompressed();
  return matrix;
}

/// Mean of one product over at least `least_seconds`.
double seconds_of_product(const Sparse& w, const RowMajor& x, RowMajor& z, double least_seconds) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  int executions = 0;
  while (seconds() < least_seconds) {
    z.noalias() = w * x;
    ++executions;
  }
  return seconds() / executions;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "usage: {} NEURONS DENSITY SAMPLES REPETITIONS SECONDS_PER_REPETITION\n", argv[0]);
    return EXIT_FAILURE;
  }
#ifdef __AVX2__
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return EXIT_FAILURE;
#endif
  const int neurons = std::stoi(argv[1]);
  const int samples = std::stoi(argv[3]);
  const Sparse w = random_matrix(neurons, std::stod(argv[2]));
  const RowMajor x = RowMajor::Random(neurons, samples);
  RowMajor z = w * x;
  std::vector<std::string> seconds;
  for (int repetition = 0; repetition < std::stoi(argv[4]); ++repetition)
    seconds.push_back(fmt::format("{:.9f}", seconds_of_product(w, x, z, std::stod(argv[5]))));
  fmt::print(R"({{"version": "{}.{}.{} sparse x dense, row-major", "seconds": {{"{}": [{}]}}}})"
             "\n",
             EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION, PLEXUS_INSTRUCTIONS,
             fmt::join(seconds, ", "));
}
