#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "src/support/exit_code.hpp"

namespace plexus {

/// What the chosen subcommand does once the command line is read.
using Action = std::function<ExitCode()>;

// Each subcommand adds its options to `app` and, when the user chose it, sets `action`. One file each.

class DistributedContext;

/// `plexus train`. @param ctx  the ranks; not null when `train` was chosen
void add_train_command(CLI::App& app, Action& action, DistributedContext* ctx);
/// `plexus inspect`.
void add_inspect_command(CLI::App& app, Action& action);
/// `plexus list`.
void add_list_command(CLI::App& app, Action& action);
/// `plexus plan`.
void add_plan_command(CLI::App& app, Action& action);
/// `plexus doctor`. @param ctx  the ranks; not null when `doctor` was chosen
void add_doctor_command(CLI::App& app, Action& action, DistributedContext* ctx);

}  // namespace plexus
