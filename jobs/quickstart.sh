#!/usr/bin/env bash
# Installs what is missing, builds plexus and trains a sparse network on Fashion-MNIST with 2 MPI ranks.
#   bash jobs/quickstart.sh [--no-install] [--out DIR] [further options of `plexus train`]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
install=install
out=$root/runs/quickstart
further=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    --no-install) install=no-install ;;
    --out)
      [ $# -ge 2 ] || { echo "--out needs a folder" >&2; exit 64; }
      out=$2
      shift
      ;;
    *) further+=("$1") ;;
  esac
  shift
done

# shellcheck source=jobs/packages.sh
. "$root/jobs/packages.sh"
# shellcheck disable=SC2086
plexus_need "$install" $plexus_packages $plexus_data_packages || exit $?

build=$root/build/release
mkdir -p "$build"
echo "Building plexus in ${build#"$root"/} (a minute or two the first time)"
if ! { cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPLEXUS_TESTS=OFF &&
  cmake --build "$build"; } >"$build/build.log" 2>&1; then
  tail -n 40 "$build/build.log" >&2
  echo "The build failed; the whole log is $build/build.log" >&2
  exit 70
fi

# Containers often run as root and show fewer cores than there are ranks; Open MPI wants to be told that both are meant.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
exec mpirun -n 2 --bind-to none "$build/bin/plexus" train "$root/jobs/configs/quickstart.toml" --out "$out" \
  "${further[@]}"
