#include "io/run_index.hpp"

#include "io/hdf5_file.hpp"
#include "io/metrics_table.hpp"

namespace plexus {

namespace {

constexpr hdf5::FileFormat format{"plexus-run", "run index"};

}  // namespace

void write_run_index(const RunFiles& run, const RunIndex& index,
                     const std::vector<CheckpointFile>& checkpoints, std::string_view code_version) {
  hdf5::write_file(run.index(), format, code_version, [&](hdf5::Group& root) {
    root.create_group("config").write_text("toml", index.identity.config_text,
                                           {"resolved config of the run"});
    hdf5::Group data = root.create_group("data");
    data.set("name", index.identity.data_name);
    data.set("identity", index.identity.data_identity);
    write_metrics(root, index.history);
    hdf5::Group epochs = root.create_group("epochs");
    for (const auto& file : checkpoints) {
      epochs.link_to_file(file.name(), (run.checkpoints().filename() / file.file_name()).string());
    }
    hdf5::Group topology = root.create_group("topology");
    for (const auto epoch : topology_epochs_in(run)) {
      topology.link_to_file(epoch_name(epoch),
                            (run.topologies().filename() / run.topology(epoch).filename()).string());
    }
  });
}

RunIndex read_run_index(const RunFiles& run) {
  RunIndex index;
  hdf5::read_file(run.index(), format, [&](const hdf5::Group& root) {
    index.identity.config_text = root.group("config").read_text("toml");
    const hdf5::Group data = root.group("data");
    index.identity.data_name = data.text("name");
    index.identity.data_identity = data.number<std::uint64_t>("identity");
    index.history = read_metrics(root);
  });
  return index;
}

}  // namespace plexus
