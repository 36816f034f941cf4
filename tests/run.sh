#!/usr/bin/env bash
# Installs what the tests need, builds plexus twice (release, and with sanitizers) and runs every test.
#   bash tests/run.sh [--no-install] [--release-only] [options of ctest]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=jobs/script_parts.sh
. "$root/jobs/script_parts.sh"
plexus_options "$@"
builds=(release sanitize)
ctest_options=()
for option in "${further[@]}"; do
  if [ "$option" = --release-only ]; then
    builds=(release)
  else
    ctest_options+=("$option")
  fi
done

# shellcheck disable=SC2086
plexus_need "$install" $plexus_packages $plexus_data_packages $plexus_test_packages || exit $?

for name in "${builds[@]}"; do
  echo "Building the $name tests in build/test-$name"
  plexus_build "test-$name" all -C "$root/tests/builds/$name.cmake"
  if grep -q 'warning:' "$build/build.log"; then
    grep 'warning:' "$build/build.log" | sort -u >&2
    echo "The build has warnings (above); the project is kept free of them." >&2
    exit 70
  fi
  ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" "${ctest_options[@]}"
done
