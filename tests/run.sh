#!/usr/bin/env bash
# Installs what the tests need, builds plexus twice (release, and with sanitizers) and runs every test.
#   bash tests/run.sh [--no-install] [--release-only] [options of ctest]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
install=install
builds=(release sanitize)
ctest_options=()
for argument in "$@"; do
  case $argument in
    -h | --help)
      sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    --no-install) install=no-install ;;
    --release-only) builds=(release) ;;
    *) ctest_options+=("$argument") ;;
  esac
done

# shellcheck source=jobs/packages.sh
. "$root/jobs/packages.sh"
# shellcheck disable=SC2086
plexus_need "$install" $plexus_packages $plexus_data_packages $plexus_test_packages || exit $?

for name in "${builds[@]}"; do
  build=$root/build/test-$name
  mkdir -p "$build"
  echo "Building the $name tests in ${build#"$root"/}"
  if ! { cmake -C "$root/tests/builds/$name.cmake" -S "$root" -B "$build" -G Ninja && cmake --build "$build"; } \
    >"$build/build.log" 2>&1; then
    tail -n 60 "$build/build.log" >&2
    echo "The build failed; the whole log is $build/build.log" >&2
    exit 70
  fi
  if grep -q 'warning:' "$build/build.log"; then
    grep 'warning:' "$build/build.log" | sort -u >&2
    echo "The build has warnings (above); the project is kept free of them." >&2
    exit 70
  fi
  ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" "${ctest_options[@]}"
done
