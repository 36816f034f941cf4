#!/usr/bin/env bash
# Installs what is missing, builds plexus and trains a sparse network on Fashion-MNIST with 2 MPI ranks.
#   bash jobs/quickstart.sh [--no-install] [--out DIR] [further options of `plexus train`]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/runs/quickstart
# shellcheck source=jobs/script_parts.sh
. "$root/jobs/script_parts.sh"
plexus_options "$@"
# shellcheck disable=SC2086
plexus_need "$install" $plexus_packages $plexus_data_packages || exit $?

echo "Building plexus in build/release (a minute or two the first time)"
plexus_build release all -DCMAKE_BUILD_TYPE=Release -DPLEXUS_TESTS=OFF

# Containers often run as root and show fewer cores than there are ranks; Open MPI wants to be told that both are meant.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
exec mpirun -n 2 --bind-to none "$build/bin/plexus" train "$root/jobs/configs/quickstart.toml" --out "$out" \
  "${further[@]}"
