// Compiled for the processor that builds it and with contraction to fused multiply-adds, which plexus chooses
// at run time: the others get the best the compiler can do.
#include "tests/bench/rivals.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/SparseCore>
#include <cstddef>

namespace plexus::bench {

namespace {

using Sparse = Eigen::SparseMatrix<Real, Eigen::RowMajor, Index>;
using RowMajor = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ColumnMajor = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

RowMajor matrix_of(const std::vector<Real>& values, Index rows) {
  return Eigen::Map<const RowMajor>(values.data(), rows, static_cast<Eigen::Index>(values.size()) / rows);
}

Sparse sparse_of(const Topology& topology, const std::vector<Real>& values) {
  const std::vector<Index> row_ptrs(topology.row_ptrs.begin(), topology.row_ptrs.end());
  return Eigen::Map<const Sparse>(topology.rows, topology.cols, topology.connections(), row_ptrs.data(),
                                  topology.col_idxs.data(), values.data());
}

std::vector<Real> values_of(const RowMajor& matrix) { return {matrix.data(), matrix.data() + matrix.size()}; }

}  // namespace

struct Rivals::Matrices {
  Sparse w;
  Sparse w_transposed;
  RowMajor w_dense;
  RowMajor x;
  RowMajor delta;
  RowMajor z;
  RowMajor dx;
  ColumnMajor x_by_sample;
  ColumnMajor z_by_sample;
  std::vector<Real> gradient;
  std::vector<Real> momentum;

  /// Calls f(position, row, column) for every connection.
  template <class F>
  void for_each_connection(F&& f) {
    const Index* columns = w.innerIndexPtr();
    for (Index row = 0; row < w.rows(); ++row) {
      for (Index p = w.outerIndexPtr()[row]; p < w.outerIndexPtr()[row + 1]; ++p) f(p, row, columns[p]);
    }
  }
};

Rivals::Rivals(const Topology& topology, const std::vector<Real>& values, const std::vector<Real>& inputs,
               const std::vector<Real>& deltas)
    : m_(std::make_unique<Matrices>()) {
  Eigen::setNbThreads(1);
  openblas_set_num_threads(1);
  m_->w = sparse_of(topology, values);
  m_->w_transposed = m_->w.transpose();
  m_->w_dense = m_->w;
  m_->x = matrix_of(inputs, topology.cols);
  m_->delta = matrix_of(deltas, topology.rows);
  m_->z.setZero(topology.rows, m_->x.cols());
  m_->dx.setZero(topology.cols, m_->x.cols());
  m_->x_by_sample = m_->x;
  m_->z_by_sample = m_->z;
  m_->gradient.assign(values.size(), Real{0});
  m_->momentum.assign(values.size(), Real{0});
}

Rivals::~Rivals() = default;

void Rivals::eigen_forward() { m_->z.noalias() = m_->w * m_->x; }

void Rivals::eigen_forward_column_major() { m_->z_by_sample.noalias() = m_->w * m_->x_by_sample; }

void Rivals::openblas_forward() {
  const auto rows = static_cast<blasint>(m_->w_dense.rows());
  const auto cols = static_cast<blasint>(m_->w_dense.cols());
  const auto samples = static_cast<blasint>(m_->x.cols());
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, samples, cols, 1.0F, m_->w_dense.data(), cols,
              m_->x.data(), samples, 0.0F, m_->z.data(), samples);
}

void Rivals::eigen_input_gradient() { m_->dx.noalias() = m_->w.transpose() * m_->delta; }

void Rivals::eigen_input_gradient_of_copy() { m_->dx.noalias() = m_->w_transposed * m_->delta; }

void Rivals::plain_gradient() {
  const Eigen::Index samples = m_->x.cols();
  m_->for_each_connection([&](Index p, Index row, Index col) {
    const Real* delta = m_->delta.data() + row * samples;
    const Real* x = m_->x.data() + col * samples;
    Real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Eigen::Index i = 0; i < samples; ++i) sum += delta[i] * x[i];
    m_->gradient[static_cast<std::size_t>(p)] = sum;
  });
}

void Rivals::eigen_gradient() {
  m_->for_each_connection([&](Index p, Index row, Index col) {
    m_->gradient[static_cast<std::size_t>(p)] = m_->delta.row(row).dot(m_->x.row(col));
  });
}

void Rivals::plain_update() {
  constexpr Real momentum = 0.9F;
  constexpr Real rate = 1e-9F;
  constexpr Real decay = 0.0002F;
  Real* w = m_->w.valuePtr();
  for (std::size_t p = 0; p < m_->gradient.size(); ++p) {
    m_->momentum[p] = momentum * m_->momentum[p] - rate * m_->gradient[p];
    w[p] += m_->momentum[p] - decay * w[p];
  }
}

std::vector<Real> Rivals::outputs() const { return values_of(m_->z); }

std::vector<Real> Rivals::input_gradients() const { return values_of(m_->dx); }

std::vector<Real> Rivals::weight_gradients() const { return m_->gradient; }

std::string eigen_version() {
  return fmt::format("Eigen {}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
}

std::string openblas_version() {
  return fmt::format("{}, kernels for {}", openblas_get_config(), openblas_get_corename());
}

}  // namespace plexus::bench
