#!/usr/bin/env bash
# Installs what the benchmark needs, builds it and measures this machine and plexus on it: bench.json and table.md.
#   bash tests/bench/run.sh [--no-install] [--short] [--out DIR]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=$root/runs/bench
# shellcheck source=jobs/script_parts.sh
. "$root/jobs/script_parts.sh"
plexus_options "$@"
for option in "${further[@]}"; do
  [ "$option" = --short ] && continue
  echo "unknown option '$option'. Run with --help for more information." >&2
  exit 64
done
# shellcheck disable=SC2086
plexus_need "$install" $plexus_packages $plexus_bench_packages || exit $?

echo "Building the benchmark in build/bench (a minute or two the first time)"
plexus_build bench plexus_bench -DCMAKE_BUILD_TYPE=Release -DPLEXUS_TESTS=ON -DPLEXUS_BENCH=ON

# The measured products use one thread; idle threads of a BLAS would only disturb. Containers often run as root.
export OPENBLAS_NUM_THREADS=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
bench=$build/bin/plexus_bench
rm -f "$out/bench.json"
"$bench" --out "$out" "${further[@]}"
if [ "$(nproc)" -ge 2 ]; then
  mpirun -n 2 --bind-to none "$bench" --only epoch --out "$out" "${further[@]}"
else
  echo "One CPU: epochs with two ranks are left out." >&2
fi
cat "$out/table.md"
