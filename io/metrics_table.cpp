#include "io/metrics_table.hpp"

#include <cstddef>
#include <string>

#include "src/support/error.hpp"

namespace plexus {

namespace {

/// Writes one metric of all epochs; the type of the member decides the form.
struct ColumnWriter {
  hdf5::Group& group;
  const std::vector<EpochMetrics>& history;

  template <hdf5::Number T>
  void operator()(const char* name, T EpochMetrics::*member, const char* units, const char* meaning) const {
    std::vector<T> column;
    for (const auto& epoch : history) column.push_back(epoch.*member);
    group.write(name, column, {meaning, units});
  }

  void operator()(const char* name, std::vector<Offset> EpochMetrics::*member, const char* units,
                  const char* meaning) const {
    const std::size_t layers = history.empty() ? 0 : (history.front().*member).size();
    std::vector<Offset> table;
    for (const auto& epoch : history) {
      const std::vector<Offset>& row = epoch.*member;
      ensure(row.size() == layers, "metrics: '{}' has {} entries in epoch {}, {} in the first", name,
             row.size(), epoch.epoch, layers);
      table.insert(table.end(), row.begin(), row.end());
    }
    group.write_table(name, table, history.size(), layers, {meaning, units});
  }
};

/// Reads one metric of all epochs. The first column read decides how many there are.
struct ColumnReader {
  const hdf5::Group& group;
  std::vector<EpochMetrics>& history;
  bool is_first = true;

  template <hdf5::Number T>
  void operator()(const char* name, T EpochMetrics::*member, const char*, const char*) {
    if (!is_first && !group.has(name)) return;
    const std::vector<T> column = group.read<T>(name);
    set_length(name, column.size());
    for (std::size_t i = 0; i < column.size(); ++i) history[i].*member = column[i];
  }

  void operator()(const char* name, std::vector<Offset> EpochMetrics::*member, const char*, const char*) {
    if (!is_first && !group.has(name)) return;
    const hdf5::Table<Offset> table = group.read_table<Offset>(name);
    set_length(name, table.rows);
    for (std::size_t i = 0; i < table.rows; ++i) {
      const Offset* row = table.values.data() + i * table.cols;
      (history[i].*member).assign(row, row + table.cols);
    }
  }

  void set_length(const char* name, std::size_t length) {
    if (is_first) history.resize(length);
    is_first = false;
    ensure(history.size() == length, "metrics: column '{}' has {} entries, others {}", name, length,
           history.size());
  }
};

}  // namespace

void write_metrics(hdf5::Group& root, const std::vector<EpochMetrics>& history) {
  hdf5::Group group = root.create_group("metrics");
  for_each_metric(ColumnWriter{group, history});
}

std::vector<EpochMetrics> read_metrics(const hdf5::Group& root) {
  const hdf5::Group group = root.group("metrics");
  std::vector<EpochMetrics> history;
  for_each_metric(ColumnReader{group, history});
  return history;
}

}  // namespace plexus
