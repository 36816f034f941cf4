#include "src/rewire/rules/uniform_growth.hpp"

#include "src/rewire/empty_cells.hpp"
#include "src/support/keyed_sample.hpp"

namespace plexus {

std::vector<GrownConnection> UniformGrowth::propose(const GrowthInput& in, Offset count) const {
  const Offset empty = in.kept.cells() - in.kept.connections();
  const std::vector<Offset> numbers = keyed_sample(in.stream, in.parts, empty, count);
  return empty_cells(in.kept, in.kept.columns(), numbers);
}

}  // namespace plexus
