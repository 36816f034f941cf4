#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "jobs/command.hpp"
#include "src/init/weight_init.hpp"
#include "src/nn/activation.hpp"
#include "src/nn/loss.hpp"
#include "src/optim/optimizer.hpp"
#include "src/prune/neuron_criterion.hpp"
#include "src/rewire/rewire_method.hpp"
#include "src/state/dataset_source.hpp"

namespace plexus {

namespace {

/// One kind of thing that the config can name.
struct Kind {
  std::string name;
  std::string config_key;
  std::vector<std::pair<std::string, std::string>> entries;  ///< name, help
};

template <class AnyRegistry>
Kind kind(const std::string& name, const std::string& config_key) {
  Kind result{name, config_key, {}};
  for (const auto& [entry_name, entry] : AnyRegistry::instance().entries()) {
    result.entries.emplace_back(entry_name, entry.help);
  }
  return result;
}

std::vector<Kind> all_kinds() {
  return {kind<RewireMethodRegistry>("rules", "topology.method"),
          kind<NeuronCriterionRegistry>("criteria", "neuron_pruning.criterion"),
          kind<ActivationRegistry>("activations", "network.activation, network.output_activation"),
          kind<LossRegistry>("losses", "network.loss"),
          kind<WeightInitRegistry>("inits", "network.init"),
          kind<OptimizerRegistry>("optimizers", "optimizer.name"),
          kind<DatasetRegistry>("datasets", "data.format")};
}

void print(const Kind& kind) {
  std::size_t width = 0;
  for (const auto& [name, help] : kind.entries) width = std::max(width, name.size());
  fmt::print("{} ({})\n", kind.name, kind.config_key);
  for (const auto& [name, help] : kind.entries) fmt::print("  {:<{}}  {}\n", name, width, help);
}

}  // namespace

void add_list_command(CLI::App& app, Action& action) {
  std::vector<std::string> names;
  for (const Kind& kind : all_kinds()) names.push_back(kind.name);
  auto* command =
      app.add_subcommand("list", "Show what the config can name: rules, activations, optimizers, ...");
  auto wanted = std::make_shared<std::string>();
  command->add_option("KIND", *wanted, "only this kind")->check(CLI::IsMember(names));
  command->callback([&action, wanted] {
    action = [wanted] {
      bool first = true;
      for (const Kind& kind : all_kinds()) {
        if (!wanted->empty() && kind.name != *wanted) continue;
        if (!first) fmt::print("\n");
        first = false;
        print(kind);
      }
      return ExitCode::ok;
    };
  });
}

}  // namespace plexus
