#include "mpi/sliced_checkpoint.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "mpi/collective_check.hpp"
#include "mpi/collectives.hpp"
#include "mpi/slice_serialization.hpp"
#include "mpi/watchdog.hpp"

namespace plexus {

namespace {

/// What a part could do so far, and the first problem.
class Attempt {
 public:
  /// Unless there was a problem.
  template <class F>
  void go_on(F&& f) {
    if (problem_.empty()) anyway(f);
  }
  template <class F>
  void anyway(F&& f) {
    try {
      f();
    } catch (const std::exception&) {
      if (problem_.empty()) problem_ = problem_of_current_exception().message;
    }
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::string problem_;
};

/// Collective. Where the slice of this part lies in its layer.
SlicePlace place_of(DistributedContext& parts, const LayerSnapshot& slice) {
  const std::pair<std::int64_t, std::int64_t> own(slice.topology.rows, slice.topology.connections());
  const auto sizes = gather_all(parts, own);
  SlicePlace place;
  for (std::size_t part = 0; part < static_cast<std::size_t>(parts.rank()); ++part) {
    place.first_row += static_cast<Index>(sizes[part].first);
    place.first_connection += sizes[part].second;
  }
  return place;
}

/// Collective. The fingerprint of the network of which each part has summed up its slices by layer.
std::uint64_t fingerprint_of(DistributedContext& parts, const SnapshotHead& head,
                             std::vector<std::int64_t> slices) {
  parts.sum(slices);
  std::vector<std::uint64_t> layers;
  for (std::size_t l = 0; l < slices.size(); ++l) {
    layers.push_back(
        layer_fingerprint(static_cast<std::uint64_t>(slices[l]), l, head.layers[l].gradient_exponent));
  }
  return fingerprint(head.rest.position, layers);
}

struct Outcome {
  std::string problem;
  std::vector<WrittenPiece> pieces;
};

template <class Archive>
void serialize(Archive& archive, Outcome& outcome, unsigned) {
  archive& outcome.problem& outcome.pieces;
}

/// The problems of all parts, or nothing.
std::string problems_of(const std::vector<Outcome>& outcomes) {
  std::string text;
  for (std::size_t part = 0; part < outcomes.size(); ++part) {
    if (outcomes[part].problem.empty()) continue;
    text += fmt::format("{}part {}: {}", text.empty() ? "" : "; ", part, outcomes[part].problem);
  }
  return text;
}

void end_file(SliceFiles& files, std::uint64_t fingerprint, std::vector<Outcome> outcomes) {
  const std::string problems = problems_of(outcomes);
  if (!problems.empty()) return files.abandon_slices(problems);
  std::vector<WrittenPiece> pieces;
  for (const Outcome& outcome : outcomes)
    pieces.insert(pieces.end(), outcome.pieces.begin(), outcome.pieces.end());
  files.complete_slices(fingerprint, std::move(pieces));
}

}  // namespace

std::uint64_t write_slices(DistributedContext& parts, SliceFiles* files, SliceWriter& writer,
                           const SnapshotHead& head,
                           const std::function<const LayerSnapshot&(std::size_t layer)>& slice_of) {
  activity::at("checkpoint");
  Attempt attempt;
  SliceFilePlan plan;
  if (parts.rank() == 0) attempt.go_on([&] { plan = files->begin_slices(head); });
  broadcast_message(parts, plan, 0);
  const bool has_file = !plan.path.empty();
  if (has_file) attempt.go_on([&] { writer.open(head, plan, parts.rank()); });
  std::vector<std::int64_t> fingerprints;
  for (std::size_t l = 0; l < head.layers.size(); ++l) {
    activity::at("checkpoint, layer", static_cast<std::int64_t>(l) + 1);
    const LayerSnapshot& slice = slice_of(l);
    const SlicePlace place = place_of(parts, slice);
    fingerprints.push_back(static_cast<std::int64_t>(slice_fingerprint(slice, l)));
    if (!has_file) continue;
    attempt.go_on([&] {
      activity::at("writing the checkpoint, layer", static_cast<std::int64_t>(l) + 1);
      writer.write(l, slice, place);
    });
  }
  const std::uint64_t found = fingerprint_of(parts, head, std::move(fingerprints));
  activity::at("checkpoint, on its way to the disk");
  Outcome own;
  if (has_file) attempt.anyway([&] { own.pieces = writer.close(); });
  own.problem = attempt.problem();
  std::vector<Outcome> outcomes = gather_all(parts, own);
  if (parts.rank() == 0) end_file(*files, found, std::move(outcomes));
  return found;
}

LayerSnapshot SliceReading::next(const std::function<LayerSnapshot(std::size_t layer)>& read) {
  const std::size_t layer = fingerprints_.size();
  activity::at("reading the checkpoint, layer", static_cast<std::int64_t>(layer) + 1);
  return on_all_ranks(ranks_, [&] {
    LayerSnapshot slice = read(layer);
    fingerprints_.push_back(static_cast<std::int64_t>(slice_fingerprint(slice, layer)));
    return slice;
  });
}

void SliceReading::check() {
  const std::uint64_t found = fingerprint_of(parts_, head_, fingerprints_);
  on_all_ranks(ranks_, [&] {
    require(found == head_.rest.fingerprint,
            "the layers of the checkpoint have fingerprint {:016x}, stored is {:016x}: the file is damaged. "
            "Resume from another one.",
            found, head_.rest.fingerprint);
  });
}

}  // namespace plexus
