#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "io/checkpoint_slices.hpp"
#include "jobs/command.hpp"
#include "src/support/text.hpp"

namespace plexus {

namespace {

using nlohmann::json;

double density(const LayerHead& layer) {
  return static_cast<double>(layer.connections) /
         (static_cast<double>(layer.rows) * static_cast<double>(layer.cols));
}

const char* name_of(LayerKind kind) { return kind == LayerKind::dense ? "dense" : "sparse"; }

json as_json(const SnapshotHead& head) {
  const ModelSnapshot& snapshot = head.rest;
  json layers = json::array();
  for (const LayerHead& layer : head.layers) {
    layers.push_back({{"kind", name_of(layer.kind)},
                      {"activation", layer.activation},
                      {"inputs_alive", layer.cols},
                      {"neurons_alive", layer.rows},
                      {"original_inputs", layer.original_cols},
                      {"original_neurons", layer.original_rows},
                      {"connections", layer.connections},
                      {"density", density(layer)}});
  }
  json out = {{"epoch", snapshot.position.epoch},
              {"step", snapshot.position.step},
              {"global_step", snapshot.position.global_step},
              {"restarts", snapshot.position.restarts},
              {"fingerprint", fmt::format("{:016x}", snapshot.fingerprint)},
              {"data", snapshot.data_name},
              {"instruction_set", snapshot.instruction_set},
              {"layers", layers},
              {"config", snapshot.config_text}};
  if (!snapshot.history.empty()) {
    out["test_accuracy"] = snapshot.history.back().test_accuracy;
    out["train_accuracy"] = snapshot.history.back().train_accuracy;
    out["loss"] = snapshot.history.back().loss;
  }
  return out;
}

void print(const SnapshotHead& head) {
  const ModelSnapshot& snapshot = head.rest;
  const TrainingPosition& at = snapshot.position;
  fmt::print("epoch        {}{}\n", at.epoch, at.step == 0 ? "" : fmt::format(" and {} steps", at.step));
  if (!snapshot.history.empty()) {
    const EpochMetrics& last = snapshot.history.back();
    fmt::print("accuracy     test {:.4f}, training {:.4f}, loss {:.4f}\n", last.test_accuracy,
               last.train_accuracy, last.loss);
  }
  fmt::print("data         {}\n", snapshot.data_name);
  fmt::print("fingerprint  {:016x} ({})\n", snapshot.fingerprint, snapshot.instruction_set);
  fmt::print("restarts     {}\n\n", at.restarts);
  fmt::print("{:>5}  {:>18}  {:>18}  {:>14}  {:>9}  {}\n", "layer", "inputs alive", "neurons alive",
             "connections", "density", "kind");
  std::size_t number = 1;
  for (const LayerHead& layer : head.layers) {
    const auto alive = [](Index now, Offset first) {
      return fmt::format("{} of {}", with_separators(now), with_separators(first));
    };
    fmt::print("{:>5}  {:>18}  {:>18}  {:>14}  {:>7.3f} %  {}, {}\n", number++,
               alive(layer.cols, layer.original_cols), alive(layer.rows, layer.original_rows),
               with_separators(layer.connections), 100.0 * density(layer), name_of(layer.kind),
               layer.activation);
  }
}

}  // namespace

void add_inspect_command(CLI::App& app, Action& action) {
  auto* command =
      app.add_subcommand("inspect", "Show what is in a checkpoint, or in the newest one of a run");
  auto path = std::make_shared<std::string>();
  auto wants_json = std::make_shared<bool>(false);
  command->add_option("PATH", *path, "checkpoint file or run directory")->required();
  command->add_flag("--json", *wants_json, "for programs: one JSON object");
  command->callback([&action, path, wants_json] {
    action = [path, wants_json] {
      const auto warn = [](const std::string& message) {
        fmt::print(stderr, "plexus: warning: {}\n", message);
      };
      const SnapshotHead head = find_checkpoint(*path, warn).head;
      if (*wants_json) {
        fmt::print("{}\n", as_json(head).dump(2));
      } else {
        print(head);
      }
      return ExitCode::ok;
    };
  });
}

}  // namespace plexus
