#!/usr/bin/env bash
# Installs what the benchmark needs, builds it and measures this machine and plexus on it: bench.json and table.md.
#   bash tests/bench/run.sh [--no-install] [--short] [--out DIR]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
install=install
out=$root/runs/bench
options=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    --no-install) install=no-install ;;
    --short) options+=(--short) ;;
    --out)
      [ $# -ge 2 ] || { echo "--out needs a folder" >&2; exit 64; }
      out=$2
      shift
      ;;
    *)
      echo "unknown option '$1'. Run with --help for more information." >&2
      exit 64
      ;;
  esac
  shift
done

# shellcheck source=jobs/packages.sh
. "$root/jobs/packages.sh"
# shellcheck disable=SC2086
plexus_need "$install" $plexus_packages $plexus_bench_packages || exit $?

build=$root/build/bench
mkdir -p "$build"
echo "Building the benchmark in ${build#"$root"/} (a minute or two the first time)"
if ! { cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPLEXUS_TESTS=ON -DPLEXUS_BENCH=ON &&
  cmake --build "$build" --target plexus_bench; } >"$build/build.log" 2>&1; then
  tail -n 40 "$build/build.log" >&2
  echo "The build failed; the whole log is $build/build.log" >&2
  exit 70
fi

# The measured products use one thread; idle threads of a BLAS would only disturb. Containers often run as root.
export OPENBLAS_NUM_THREADS=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
bench=$build/bin/plexus_bench
rm -f "$out/bench.json"
"$bench" --out "$out" "${options[@]}"
if [ "$(nproc)" -ge 2 ]; then
  mpirun -n 2 --bind-to none "$bench" --only epoch --out "$out" "${options[@]}"
else
  echo "One CPU: epochs with two ranks are left out." >&2
fi
cat "$out/table.md"
